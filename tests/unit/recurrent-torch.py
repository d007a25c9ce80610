# SPDX-License-Identifier: MIT
"""
recurrent-torch.py FOLDER: take what nn_recurrent left in FOLDER through PyTorch's RNN, LSTM and
GRU, by the same weights. Outputs, states and gradients have to agree to 1e-4. FOLDER/list has two
lines for each layer: its description, and the lengths of its sequences. Prints "ok NAME" or "not
NAME why" for each.
"""
import sys

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

folder = sys.argv[1]
# Where PyTorch's gates are among those of ONNX, which are ours.
ORDER = {"rnn": [0], "lstm": [0, 2, 3, 1], "gru": [1, 0, 2]}


def read(number, name):
    return torch.from_numpy(np.load(f"{folder}/{number}.{name}.npy"))


def to_torch(array, kind, units):
    """[k][gates * units] to [gates * units][k], in PyTorch's order; a vector stays one."""
    gates = torch.split(array, units, dim=-1)
    return torch.cat([gates[g] for g in ORDER[kind]], dim=-1)


class Case:
    def __init__(self, number, line, lengths):
        kind, *numbers = line.split()
        self.number, self.kind = number, kind
        (self.n, self.steps, self.inputs, self.units, self.sequences, self.both, self.stateful,
         self.relu) = map(int, numbers)
        self.lengths = torch.tensor(list(map(int, lengths.split())))
        self.directions = 2 if self.both else 1

    def layer(self):
        kinds = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
        extra = {"nonlinearity": "relu"} if self.relu else {}
        return kinds[self.kind](self.inputs, self.units, batch_first=True,
                                bidirectional=bool(self.both), **extra)

    def parameters(self, d, what):
        """weight, recurrent, bias and recurrent_bias as PyTorch has them."""
        weight = to_torch(read(self.number, f"{what}{d}.0"), self.kind, self.units).T
        recurrent = to_torch(read(self.number, f"{what}{d}.1"), self.kind, self.units).T
        bias = to_torch(read(self.number, f"{what}{d}.2").flatten(), self.kind, self.units)
        apart = torch.zeros_like(bias)
        if self.kind == "gru":
            apart[2 * self.units:] = read(self.number, f"{what}{d}.3").flatten()
        return weight, recurrent, bias, apart

    def names(self, d):
        tail = "_reverse" if d else ""
        return [f"{name}_l0{tail}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def states(self, name):
        """[n][direction][state][units] to PyTorch's [direction][n][units] for each state"""
        array = read(self.number, name).reshape(self.n, self.directions, -1, self.units)
        return [array[:, :, k].transpose(0, 1).contiguous() for k in range(array.shape[2])]


def off(name, got, wanted):
    worst = ((got - wanted).abs() / (1 + wanted.abs())).max().item()
    if not worst <= 1e-4:
        raise ValueError(f"{name} is off by {worst:.2g}")
    return worst


def compare(case):
    layer = case.layer()
    with torch.no_grad():
        for d in range(case.directions):
            for name, value in zip(case.names(d), case.parameters(d, "value")):
                getattr(layer, name).copy_(value)
    x = read(case.number, "x").reshape(case.n, case.steps, case.inputs).requires_grad_()
    before = case.states("before") if case.stateful else None
    if before and case.kind != "lstm":
        before = before[0]
    packed = pack_padded_sequence(x, case.lengths, batch_first=True, enforce_sorted=False)
    outputs, after = layer(packed, tuple(before) if isinstance(before, list) else before)
    after = list(after) if case.kind == "lstm" else [after]
    if case.sequences:
        y = pad_packed_sequence(outputs, batch_first=True, total_length=case.steps)[0]
    else:
        y = after[0].transpose(0, 1)
    y = y.reshape(case.n, -1)
    (y * read(case.number, "dy")).sum().backward()
    off("y", read(case.number, "y"), y.detach())
    off("dx", read(case.number, "dx"), x.grad.reshape(case.n, -1))
    for d in range(case.directions):
        for k, (name, value) in enumerate(zip(case.names(d), case.parameters(d, "gradient"))):
            wanted = getattr(layer, name).grad
            if k < 3:
                off(name, value, wanted)
            elif case.kind == "gru":
                off(name, value[2 * case.units:], wanted[2 * case.units:])
    if case.stateful:
        for got, wanted in zip(case.states("after"), after):
            off("the state", got, wanted.detach())


with open(f"{folder}/list", encoding="utf-8") as lines:
    lines = lines.read().splitlines()
for i in range(0, len(lines), 2):
    case = Case(i // 2, lines[i], lines[i + 1])
    name = (f"{case.kind} {case.n}x{case.steps}x{case.inputs} to {case.units}"
            f"{' sequences' if case.sequences else ''}{' bidirectional' if case.both else ''}"
            f"{' stateful' if case.stateful else ''}"
            f"{' lengths' if min(case.lengths) < case.steps else ''}")
    try:
        compare(case)
        print("ok", name)
    except Exception as error:
        print("not", name, str(error).replace("\n", " ")[:300])
