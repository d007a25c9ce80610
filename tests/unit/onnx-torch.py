# SPDX-License-Identifier: MIT
"""
onnx-torch.py FOLDER: export networks as PyTorch writes them, with inputs and answers in libnpu's
order (samples, H, W, C), and a file "names".
"""
import sys
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(7)
folder = sys.argv[1]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.block = nn.Sequential(
            nn.Conv2d(6, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.shortcut = nn.Conv2d(6, 8, 1, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = self.first(x)
        x = torch.relu(self.block(x) + self.shortcut(x))
        return self.fc(torch.flatten(self.pool(x), 1))


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.Hardswish(),
            nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.ReLU6(),
            nn.Conv2d(8, 10, 1), nn.BatchNorm2d(10), nn.SiLU(),
            nn.AdaptiveAvgPool2d((1, 1)), nn.Dropout(0.2))
        self.head = nn.Linear(10, 5)

    def forward(self, x):
        return torch.softmax(self.head(self.body(x).mean([2, 3])), 1)


class Digits(nn.Module):
    """Weights behind a flattened image, by view()."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.fc1 = nn.Linear(6 * 3 * 3, 9)
        self.fc2 = nn.Linear(9, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 3, stride=2, padding=1)
        x = x.view(x.size(0), -1)
        return torch.softmax(self.fc2(torch.tanh(self.fc1(x))), 1)


class Squares(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 3, 1)
        self.b = nn.Conv2d(2, 4, 3, padding=1)
        self.pad = nn.ZeroPad2d((1, 2, 0, 1))
        self.c = nn.Conv2d(7, 2, 3)

    def forward(self, x):
        x = torch.cat([nn.functional.elu(self.a(x)), nn.functional.leaky_relu(self.b(x), .2)], 1)
        return self.c(self.pad(x))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), nn.SELU(),
            nn.ConvTranspose2d(4, 2, 2, stride=2, groups=2), nn.Sigmoid())

    def forward(self, x):
        return self.up(x)


class Generator(nn.Module):
    """An image out of numbers, by view() to [batch, C, H, W]."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 4 * 2 * 3)
        self.up = nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1)

    def forward(self, x):
        return torch.tanh(self.up(torch.relu(self.fc(x)).view(-1, 4, 2, 3)))


class Signal(nn.Module):
    """One dimension: [batch, C, T]."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, 5, 3, padding=1), nn.BatchNorm1d(5), nn.GELU(), nn.MaxPool1d(2),
            nn.Conv1d(5, 4, 3, dilation=2), nn.Softplus(), nn.AvgPool1d(2),
            nn.Flatten(), nn.Linear(8, 2))

    def forward(self, x):
        return self.body(x)


class Last(nn.Module):
    """The last step of a recurrent layer."""

    def __init__(self, kind, hidden=False, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(4, 5, batch_first=True, **options)
        self.hidden = hidden
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        y, state = self.rnn(x)
        if self.hidden:
            state = state[0] if isinstance(state, tuple) else state
            return self.fc(state.squeeze(0))
        return self.fc(y[:, -1])


class All(nn.Module):
    """All steps of a bidirectional recurrent layer, then one over the time."""

    def __init__(self, kind):
        super().__init__()
        self.rnn = getattr(nn, kind)(4, 5, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(10)
        self.fc = nn.Linear(10, 3)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.fc(torch.relu(self.norm(y)))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.words(x).mean(1))


def order(value):
    """libnpu's order, a row a sample."""
    if value.ndim == 4:
        value = value.transpose(0, 2, 3, 1)
    return numpy.ascontiguousarray(value.reshape(value.shape[0], -1), dtype="<f4")


with open(f"{folder}/names", "w", encoding="utf-8") as names:

    def export(what, model, *shape, opsets=(9, 11, 13, 16), free=(False, True), signal=False):
        model.eval()
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.uniform_(-.5, .5)
                module.running_var.uniform_(.5, 2)
        for opset in opsets:
            for open_batch in free:
                samples = 3 if open_batch else 1
                if isinstance(model, Words):
                    x = torch.randint(9, (samples, *shape))
                else:
                    x = torch.randn(samples, *shape)
                name = f"m{export.count}"
                export.count += 1
                axes = {"x": {0: "batch"}, "y": {0: "batch"}} if open_batch else None
                torch.onnx.export(
                    model, x, f"{folder}/{name}.onnx", opset_version=opset, input_names=["x"],
                    output_names=["y"], dynamic_axes=axes)
                y = model(x).detach().numpy()
                x = x.numpy()
                numpy.save(f"{folder}/{name}.in.npy",
                           order(x.transpose(0, 2, 1) if signal else x))
                numpy.save(f"{folder}/{name}.out.npy", order(y))
                names.write(f"{name} {what}, opset {opset}, batch "
                            f"{'free' if open_batch else 'of 1'}\n")

    export.count = 0
    export("dense layers", nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2)), 5)
    export("residual network", Residual(), 3, 8, 8)
    export("mobile network", Mobile(), 3, 9, 9, opsets=(11, 14))
    export("flattened by view", Digits(), 1, 14, 14)
    export("concatenation and padding", Squares(), 2, 5, 4, opsets=(11, 13))
    export("transposed convolution", Decoder(), 3, 3, 4, opsets=(9, 13))
    export("generator", Generator(), 5, opsets=(9, 13))
    export("convolution over time", Signal(), 3, 16, opsets=(9, 13), signal=True)
    for kind in ("RNN", "LSTM", "GRU"):
        export(f"last step of {kind}", Last(kind), 6, 4, opsets=(9, 13))
        export(f"last state of {kind}", Last(kind, hidden=True), 6, 4, opsets=(11, 14))
        export(f"all steps of {kind} both ways", All(kind), 6, 4, opsets=(11, 17))
    export("words", Words(), 6, opsets=(11, 13))
