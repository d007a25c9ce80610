# SPDX-License-Identifier: MIT
"""Recurrent layers of torch-compare.py: the library's weights in torch.nn's modules."""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

MODULES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
# Where torch's gates are among ours: i, f, g, o of i, o, f, c; r, z, n of z, r, h.
GATES = {"rnn": [0], "lstm": [0, 2, 3, 1], "gru": [1, 0, 2]}


def torch_order(kind, values, units):
    """[..., G * units] in torch's order of gates."""
    gates = values.unflatten(-1, (len(GATES[kind]), units))
    return gates[..., GATES[kind], :].flatten(-2)


def direction(kind, p, units):
    """What a direction of torch's module wants: weights of x and of h, a bias with each."""
    weights = [torch_order(kind, p[name], units).t() for name in ("weight", "recurrent")]
    rows = len(weights[0])
    zero = weights[0].new_zeros(rows)
    of_x = torch_order(kind, p["bias"], units) if "bias" in p else zero
    of_h = zero
    if "recurrent_bias" in p:  # of the last gate alone
        of_h = torch.cat([zero[units:], p["recurrent_bias"]])
    return weights + [of_x, of_h]


def by_module(kind, x, units, directions, lengths, relu):
    """x [n, T, C] to the outputs of all steps [n, T, D * units] and the last states."""
    options = {"nonlinearity": "relu"} if relu else {}
    module = MODULES[kind](x.shape[-1], units, batch_first=True,
                           bidirectional=len(directions) == 2, **options).double()
    module._flat_weights = [w.contiguous() for d in directions for w in direction(kind, d, units)]
    packed = pack_padded_sequence(x, lengths.long(), batch_first=True, enforce_sorted=False)
    steps, last = module(packed)
    steps, _ = pad_packed_sequence(steps, batch_first=True, total_length=x.shape[1])
    last = last[0] if kind == "lstm" else last
    return steps, torch.cat(list(last), -1)


def gru_reset_before(x, units, p, lengths):
    """The variant that torch has not: one direction, one sample at a time."""
    z_, r_, h_ = [slice(g * units, (g + 1) * units) for g in range(3)]
    from_x = x @ p["weight"]
    if "bias" in p:
        from_x = from_x + p["bias"]
    steps, last = torch.zeros(*x.shape[:2], units, dtype=x.dtype), []
    for i, length in enumerate(lengths.long()):
        h = torch.zeros(units, dtype=x.dtype)
        for t in range(length):
            z = torch.sigmoid(from_x[i, t, z_] + h @ p["recurrent"][:, z_])
            r = torch.sigmoid(from_x[i, t, r_] + h @ p["recurrent"][:, r_])
            new = torch.tanh(from_x[i, t, h_] + (r * h) @ p["recurrent"][:, h_])
            h = (1 - z) * new + z * h
            steps[i, t] = h
        last.append(h)
    return steps, torch.stack(last)


def reversed_steps(x, lengths):
    """The first steps of each sequence, as many as it has, from the last to the first."""
    return torch.stack([torch.cat([s[:n].flip(0), s[n:]]) for s, n in zip(x, lengths.long())])


def recurrent(kind, x, layer, p, lengths, relu):
    units = layer["units"]
    x = x[:, 0]
    if lengths is None:
        lengths = torch.full((len(x),), x.shape[1])
    lengths = lengths.flatten()
    plain_gru = kind == "gru" and not layer["reset_after"]

    def one(x, p, backwards):
        if backwards:
            x = reversed_steps(x, lengths)
        if plain_gru:
            steps, last = gru_reset_before(x, units, p, lengths)
        else:
            steps, last = by_module(kind, x, units, [p], lengths, relu)
        return reversed_steps(steps, lengths) if backwards else steps, last

    if not layer["bidirectional"]:
        steps, last = one(x, p, layer["backwards"])
    else:
        both = [{k[len(d):]: v for k, v in p.items() if k.startswith(d)}
                for d in ("forward.", "backward.")]
        if plain_gru:
            ways = [one(x, both[0], False), one(x, both[1], True)]
            steps, last = (torch.cat(parts, -1) for parts in zip(*ways))
        else:
            steps, last = by_module(kind, x, units, both, lengths, relu)
    return (steps if layer["sequences"] else last[:, None])[:, None]
