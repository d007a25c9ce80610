# SPDX-License-Identifier: MIT
"""torch-compare.py FOLDER: the cases that `nn_gradients --dump FOLDER` left there, in PyTorch.

Outputs at inference, loss and gradients in training must agree to 1e-4. Prints TAP.
"""
import json
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F

from torch_recurrent import recurrent

TOLERANCE = 1e-4

# Numbered as in npu_train/layers.h and npu_train/training.h
KINDS = [
    None, "dense", "activation", "conv", "conv_transpose", "max_pool", "average_pool",
    "global_max_pool", "global_average_pool", "flatten", "reshape", "batch_norm", "layer_norm",
    "dropout", "embedding", "rnn", "lstm", "gru", "add", "concat",
]
ACTIVATIONS = [
    lambda x, alpha: x,
    lambda x, alpha: F.relu(x),
    F.leaky_relu,
    lambda x, alpha: torch.sigmoid(x),
    lambda x, alpha: torch.tanh(x),
    lambda x, alpha: torch.softmax(x, -1),
    lambda x, alpha: F.relu6(x),
    F.elu,
    lambda x, alpha: F.selu(x),
    lambda x, alpha: F.gelu(x),
    lambda x, alpha: F.silu(x),
    lambda x, alpha: F.hardswish(x),
    lambda x, alpha: F.hardsigmoid(x),
    lambda x, alpha: F.softplus(x),
]
RECURRENT = ("rnn", "lstm", "gru")
SAME, EXPLICIT = 1, 2
RELU = 1
MSE, CROSS_ENTROPY, BINARY_CROSS_ENTROPY, MAE, HUBER = 1, 2, 3, 4, 5


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def extent(layer, axis):
    return layer["dilation"][axis] * (layer["kernel"][axis] - 1) + 1


def pads(layer, wide, narrow):
    """Zeros above, left, below, right of the larger side of a layer's windows."""
    if layer["padding"] == EXPLICIT:
        return layer["pad"]
    if layer["padding"] != SAME:
        return [0, 0, 0, 0]
    needed = [
        max(0, (narrow[a] - 1) * layer["stride"][a] + extent(layer, a) - wide[a]) for a in (0, 1)
    ]
    return [needed[0] // 2, needed[1] // 2, needed[0] - needed[0] // 2, needed[1] - needed[1] // 2]


def padded(x, layer, value):
    top, left, bottom, right = pads(layer, layer["in"], layer["out"])
    return F.pad(x, (left, right, top, bottom), value=value)


def conv(x, layer, p):
    weight = p["weight"].permute(3, 2, 0, 1)
    y = F.conv2d(padded(channels_first(x), layer, 0), weight, p.get("bias"), layer["stride"], 0,
                 layer["dilation"], layer["groups"])
    return channels_last(y)


def conv_transpose(x, layer, p):
    weight = p["weight"].permute(3, 2, 0, 1)
    y = F.conv_transpose2d(channels_first(x), weight, None, layer["stride"], 0, 0,
                           layer["groups"], layer["dilation"])
    top, left, _, _ = pads(layer, layer["out"], layer["in"])
    high, wide = layer["out"][:2]
    y = y[:, :, top:top + high, left:left + wide]
    y = channels_last(F.pad(y, (0, wide - y.shape[3], 0, high - y.shape[2])))
    return y + p["bias"] if "bias" in p else y


def max_pool(x, layer, p):
    y = padded(channels_first(x), layer, -float("inf"))
    return channels_last(F.max_pool2d(y, layer["kernel"], layer["stride"], 0, layer["dilation"]))


def average_pool(x, layer, p):
    def total(x):
        x = padded(channels_first(x), layer, 0)
        return F.avg_pool2d(x, layer["kernel"], layer["stride"], divisor_override=1)

    return channels_last(total(x) / total(torch.ones_like(x)))


def global_pool(x, lengths, largest):
    """Over H and W, or as many steps as a sequence has."""
    y = [s if lengths is None else s[:, :int(lengths[i])] for i, s in enumerate(x)]
    y = [s.amax((0, 1)) if largest else s.mean((0, 1)) for s in y]
    return torch.stack(y)[:, None, None, :]


def batch_norm(x, layer, p, training):
    batch = training and not layer["frozen"]
    y = F.batch_norm(channels_first(x), None if batch else p["mean"],
                     None if batch else p["variance"], p["scale"], p["shift"], batch, 0,
                     layer["epsilon"])
    return channels_last(y)


def embedding(x, layer, p):
    rows = x.detach().reshape(len(x), -1).clamp(0, layer["vocabulary"] - 1).long()
    return F.embedding(rows, p["weight"])[:, None]


def apply(layer, inputs, p, training, lengths):
    kind, x = KINDS[layer["kind"]], inputs[0]
    if kind == "dense":
        return F.linear(x.flatten(1), p["weight"], p.get("bias"))
    if kind in ("conv", "conv_transpose", "max_pool", "average_pool", "embedding"):
        return globals()[kind](x, layer, p)
    if kind in ("global_max_pool", "global_average_pool"):
        return global_pool(x, lengths, kind == "global_max_pool")
    if kind == "batch_norm":
        return batch_norm(x, layer, p, training)
    if kind == "layer_norm":
        return F.layer_norm(x, x.shape[-1:], p["scale"], p["shift"], layer["epsilon"])
    if kind in RECURRENT:
        return recurrent(kind, x, layer, p, lengths, layer["activation"] == RELU)
    if kind == "add":
        return torch.stack(inputs).sum(0)
    if kind == "concat":
        return torch.cat(inputs, layer["axis"] + 1)
    return x


def forward(case, x, parameters, lengths, training):
    x, outputs = x.reshape(len(x), *case["dim"]), []
    for layer in case["layers"]:
        prefix = layer["name"] + "."
        own = {k[len(prefix):]: v for k, v in parameters.items() if k.startswith(prefix)}
        inputs = [x if i < 0 else outputs[i] for i in layer["input"]]
        timed = layer["in"][1] == case["dim"][1]
        y = apply(layer, inputs, own, training, lengths if timed else None)
        y = y.reshape(len(x), *layer["out"])
        if KINDS[layer["kind"]] not in RECURRENT:
            y = ACTIVATIONS[layer["activation"]](y, layer["alpha"])
        outputs.append(y)
    return outputs[-1].flatten(1)


def sample_loss(kind, y, target):
    """Of places and their channels; @target is shaped so, too, or a label."""
    if kind == CROSS_ENTROPY:
        if not target.is_floating_point():
            target = F.one_hot(target, y.shape[-1])
        return -(target * y.log()).sum(-1).mean()
    return {
        MSE: F.mse_loss,
        MAE: F.l1_loss,
        HUBER: F.huber_loss,
        BINARY_CROSS_ENTROPY: F.binary_cross_entropy,
    }[kind](y, target.to(y).reshape(y.shape))


def loss_of(case, y, targets, labels, lengths):
    """The mean over samples, each without the steps behind its length."""
    shape, total = case["layers"][-1]["out"], 0
    timed = lengths is not None and shape[1] > 1 and shape[1] == case["dim"][1]
    for i, sample in enumerate(y.reshape(len(y), *shape)):
        steps = int(lengths[i]) if timed else shape[1]
        target = targets[i].reshape(shape)[:, :steps] if labels is None else labels[i].long()
        total = total + sample_loss(case["loss_kind"], sample[:, :steps], target)
    return total / len(y)


def rank(case, name):
    """Dimensions of a parameter: four of a convolution's weight, two of others', one of the rest."""
    layer, suffix = name.split(".", 1)
    kind = next(KINDS[l["kind"]] for l in case["layers"] if l["name"] == layer)
    if suffix.split(".")[-1] not in ("weight", "recurrent"):
        return 1
    return 4 if kind.startswith("conv") else 2


def difference(got, wanted):
    scale = 1 + wanted.abs().max()
    return float(((got - wanted).abs() / scale).max())


def check(folder):
    """Name of the case and the worst difference."""
    case = json.loads((folder / "case.json").read_text())

    def load(name):
        path = folder / (name + ".npy")
        return torch.from_numpy(numpy.load(path)).double() if path.exists() else None

    parameters = {}
    for p in case["parameters"]:
        values = load(p["name"]).reshape(p["dim"][:rank(case, p["name"])])
        parameters[p["name"]] = values.requires_grad_(bool(p["trained"]))
    x, lengths = load("x"), load("lengths")
    with torch.no_grad():
        worst = difference(load("y"), forward(case, x, parameters, lengths, False))
    y = forward(case, x, parameters, lengths, True)
    loss = loss_of(case, y, load("targets"), load("labels"), lengths)
    loss.backward()
    worst = max(worst, difference(torch.tensor(case["loss"]), loss.detach()))
    for name, value in parameters.items():
        if value.requires_grad:
            got = load("gradient." + name).reshape(value.shape)
            worst = max(worst, difference(got, value.grad))
    return case["name"], worst


def main():
    folders = sorted(p.parent for p in pathlib.Path(sys.argv[1]).glob("*/case.json"))
    failed = 0
    torch.set_num_threads(1)
    print(f"1..{len(folders)}")
    for i, folder in enumerate(folders, 1):
        name, worst = check(folder)
        good = worst < TOLERANCE
        failed += not good
        print(f"{'ok' if good else 'not ok'} {i} - {name}: within {worst:.1e}")
    return 1 if failed or not folders else 0


sys.exit(main())
