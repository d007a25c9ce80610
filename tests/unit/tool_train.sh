#!/bin/sh
# SPDX-License-Identifier: MIT
# npu train: networks as text, presets, fine-tuning, every option of training, plots, kinds of data.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. tests/tap.sh
. tests/npu-tool.sh

"$NPU" generate spirals --samples 800 -o points.csv >out
"$NPU" generate spirals --samples 200 --seed 2 -o others.csv >out

# net NAME CODE TEXT ARGUMENT...: a network of this text.
net() {
	net_name=$1 net_code=$2 net_text=$3
	shift 3
	npu "$net_name" "$net_code" train points.csv -l class --dry-run --layers "$net_text" "$@"
}

# ------------------------------------------------------------------ layers as text
net "dense, with all that it takes" 0 \
	"dense 8 leaky-relu 0.2 he-normal nobias name first; dense 4 softmax glorot"
prints "it is shown" '^  first +dense +8, nobias +leaky-relu +8$'
net "every activation" 0 "linear; relu; leaky-relu 0.1; sigmoid; tanh; relu6; elu 0.5; selu; gelu;
swish; hard-swish; hard-sigmoid; softplus; dense 4; softmax"
prints "they are shown" '^  activation11 .*hard-swish'
net "convolutions" 0 "reshape 1x2x1; conv 4 1x3 same stride 1x2 relu; conv-transpose 3 1x2 stride 1x2;
depthwise 1x3 same; conv 6 1 groups 3; conv1d 2 3 pad 1 dilation 1; output"
prints "a depthwise one is shown" '^  conv2 +conv +3, 1x3, same, depthwise +1? ?x? ?2 x 3$'
net "pooling" 0 "reshape 2x1x1; maxpool 2x1; avgpool 1 stride 1; globalmaxpool; globalavgpool; output"
net "norms and dropout" 0 "batchnorm momentum 0.9 epsilon 1e-4 relu; layernorm; dropout 0.3; output"
prints "the rate is shown" '^  dropout1 +dropout +0.3 '
net "labels" 0 "dense 8 relu =a; dense 8 =b; add a b relu =c; dense 3 from input =d; concat c d; output"
prints "what they join is shown" '^  concat1 +concat +channels +11$'
net "one label joins the layer before" 0 "dense 8 =a; relu; add a; output"
net "an embedding" 0 "reshape 1x2x1; embedding 10 4; flatten; output"
net "recurrent layers" 0 "reshape 1x2x1; lstm 4 sequences; gru 3 bidirectional sequences reset-after;
rnn 3 backwards; output"
prints "what they are is shown" '^  gru1 +gru +3, sequences, bidirectional, reset-after +2 x 6$'

net "an unknown layer" 1 "dense 4; con 3 3x3"
says "layer, word and the nearest words are named" "layer 2, 'con': .*did you mean conv, .* A layer is dense"
net "an unknown word" 1 "dense 4 rellu"
says "the nearest, and all that it takes" "layer 1, 'rellu': .*mean relu, .* It takes an activation, .*nobias"
net "a word of another layer" 1 "dense 4 stride 2"
says "it is named" "layer 1, 'stride': dense takes no such word"
net "a layer without its units" 1 "dense; output"
says "it is said how" "layer 1, at its end: dense is written dense UNITS"
net "a convolution without its size" 1 "conv 3; output"
says "it is said how" "layer 1, at its end: .*conv UNITS KxK"
net "a rate of more than all" 1 "dropout 1.5; output"
says "the limits are given" "layer 1, '1.5': .*RATE from 0 on and below 1"
net "units of nothing" 1 "dense 0; output"
says "the limits are given" "layer 1, '0': .*UNITS from 1 to 16777216"
net "a label that is not there" 1 "dense 4 =a; add a b"
says "it is named, with the remedy" "layer 2, 'b': .*=b"
net "a label twice" 1 "dense 4 =a; dense 4 =a"
says "it is named" "layer 2, '=a': .*taken"
net "a label that is a word" 1 "dense 4 =relu"
says "it is named" "'relu'"
net "a label in the middle" 1 "dense 4 =a relu"
says "the remedy is given" "a ; belongs"
net "what the library refuses" 1 "dense 8; dense 7 =a; dense 8; add a"
says "layer and reason are given" "layer 4, 'add': .*8.*7"
net "no layer at all" 1 ";;"
says "it is said" 'no layer'
printf 'dense 8 relu # the first\n\n# nothing here\nbatchnorm; relu\noutput\n' >net.txt
npu "layers from a file" 0 train points.csv -l class --layers @net.txt --epochs 2 -q -o t.onnx
printf 'dense 8 relu\n# a comment\ndense 8 rellu\n' >net.txt
npu "a mistake in a file" 1 train points.csv -l class --layers @net.txt -o t.onnx
says "file and line are named" "^npu: net.txt:3: layer 2, 'rellu'"
npu "a file that is not there" 1 train points.csv -l class --layers @no.txt -o t.onnx
says "it is named" 'no.txt: No such file'

# ------------------------------------------------------------------------- presets
"$NPU" train --help >help
for preset in mlp cnn lenet resnet8 mobilenet lstm gru kws-cnn; do
	grep -q "^  $preset  " help
	tap_result $? "--help lists the preset $preset"
done
npu "a preset" 0 train points.csv -l class --preset mlp --epochs 2 -q -o t.onnx
npu "a preset for other data" 1 train points.csv -l class --preset cnn -o t.onnx
says "what it is for is said" '\-\-preset cnn is for images'
npu "a preset that is none" 2 train points.csv -l class --preset huge -o t.onnx
says "they are named" 'mlp, cnn'
npu "two networks" 2 train points.csv -l class --preset mlp --layers output -o t.onnx
says "it is said" 'give one of them'

# --------------------------------------------------------------------- fine-tuning
npu "a model to go on from" 0 train points.csv -l class --epochs 30 --rate 0.01 -q -o old.onnx
npu "fine-tuning" 0 train points.csv -l class --from old.onnx --freeze 1 --epochs 3 -o new.onnx --json
json "it is told in JSON"
first=$(sed -n 's/^ *"loss": \([0-9.e-]*\),/\1/p' out | head -1)
ok "it begins where the other ended" awk "BEGIN { exit !(0$first > 0 && 0$first < 1.1) }"
npu "a layer by name" 0 train points.csv -l class --from old.onnx --freeze dense1 --epochs 1 -q -o t.onnx
npu "a layer that is not there" 1 train points.csv -l class --from old.onnx --freeze dense9 -o t.onnx
says "it is named" 'no layer "dense9"'
npu "nothing left to learn" 1 train points.csv -l class --from old.onnx --freeze 2 -o t.onnx
says "it is said" 'leave some to learn'
npu "hidden layers of a model that has some" 2 train points.csv -l class --from old.onnx --hidden 4 -o t.onnx
says "it is said" 'give one of them'
npu "hidden layers and a preset" 2 train points.csv -l class --preset mlp --hidden 4 -o t.onnx
npu "hidden layers with a hole" 2 train points.csv -l class --hidden 16,,4 -o t.onnx
says "it is said how" "'16,,4' .*such as 64,32"
npu "a head without a model" 2 train points.csv -l class --head output -o t.onnx
says "the remedy is given" '\-\-from'
npu "frozen without a model" 2 train points.csv -l class --freeze 1 -o t.onnx
says "the remedy is given" '\-\-from'
grep -v ',D$' points.csv >three.csv
npu "a new end for other classes" 0 train three.csv -l class --from old.onnx --head output --freeze 1 --epochs 3 -q -o t.onnx
npu "a file that lacks a class" 0 train three.csv -l class --from old.onnx --epochs 1 -q -o t.onnx

# ------------------------------------------------------------------------ options
for optimizer in adam sgd rmsprop adagrad adamw; do
	npu "--optimizer $optimizer" 0 train points.csv -l class --optimizer $optimizer --epochs 2 -q -o t.onnx
done
for schedule in constant step exponential cosine plateau; do
	npu "--schedule $schedule" 0 train points.csv -l class --schedule $schedule --warmup 0.5 --epochs 3 -q \
		-o t.onnx
done
for loss in mse mae huber cross-entropy binary-cross-entropy; do
	npu "--loss $loss" 0 train points.csv -l class --loss $loss --epochs 2 -q -o t.onnx
done
npu "penalties and clipping" 0 train points.csv -l class --optimizer sgd --nesterov --l1 1e-4 --l2 1e-3 \
	--decay 1e-3 --clip-norm 1 --clip-value 0.5 --label-smoothing 0.1 --epochs 2 -q -o t.onnx
npu "weights of classes" 0 train points.csv -l class --class-weight A=2,C=0.5 --epochs 2 -q -o t.onnx
npu "a class that is not there" 1 train points.csv -l class --class-weight Z=2 -o t.onnx
says "it is named" "no class 'Z'"
npu "a weight that is none" 2 train points.csv -l class --class-weight A=heavy -o t.onnx
says "it is named" "'A=heavy'"
for balance in weights repeat; do
	npu "--balance $balance" 0 train three.csv -l class --balance $balance --epochs 2 -q -o t.onnx
done
npu "augmentation" 0 train points.csv -l class --augment "noise 0.05, fill 1" --epochs 2 -q -o t.onnx
npu "augmentation that is none" 2 train points.csv -l class --augment "spin 3" -o t.onnx
says "what there is is named" "'spin 3'.*shift"
npu "a test file" 0 train points.csv -l class --test-data others.csv --epochs 2 -q -o t.onnx
prints "all of it is tested" '200 samples'
npu "a network of more outputs than classes" 1 train points.csv -l class \
	--layers "dense 5 softmax" -o t.onnx
says "it is said before training, with file and remedy" \
	"points.csv: it has 4 classes, the network 5 outputs; .* the word output"
npu "top-k of too many" 1 train points.csv -l class --top-k 4 -o t.onnx
says "it is said before training" '\-\-top-k 4: of 4 classes'
npu "a folder that is not there" 1 train points.csv -l class -o nowhere/t.onnx
says "it is said before training" 'nowhere/t.onnx'
npu "a memory limit" 0 train points.csv -l class --memory-limit 60K --batch 512 --epochs 1 -o t.onnx
prints "the batch is smaller" 'in batches of [0-9]+ \(not 512'
npu "a memory limit above all" 0 train points.csv -l class --memory-limit 1G --batch 4096 --dry-run
prints "the batch is as large as the data" 'in batches of 576$'
npu "a memory limit that is too low" 1 train points.csv -l class --memory-limit 1K -o t.onnx
says "both are given" 'needs [0-9]+ bytes.*1024'
npu "a rate that is too high" 1 train points.csv -l class --optimizer sgd --rate 100 -o t.onnx
says "layer and remedy are named" 'layer "dense.".*lower'
npu "nothing is trained with --dry-run" 0 train points.csv -l class --dry-run -o dry.onnx
prints "the memory is shown" '^training takes [0-9.]+ KiB'
[ ! -e dry.onnx ]
tap_result $? "and nothing is written"

# ------------------------------------------------------- checkpoints, history, plot
npu "without a stop" 0 train points.csv -l class --epochs 6 -q -o whole.onnx --schedule cosine
npu "with checkpoints" 0 train points.csv -l class --epochs 6 --checkpoint kept --schedule cosine -q -o half.onnx
cmp -s whole.onnx half.onnx
tap_result $? "checkpoints change nothing"
npu "stopped after 3" 0 train points.csv -l class --epochs 3 --checkpoint early -q -o half.onnx
npu "resumed" 0 train points.csv -l class --epochs 6 --checkpoint early --resume -o rest.onnx \
	--history rest.csv
prints "it says so" '^going on from early/checkpoint.onnx'
same "the history is of all epochs" "$(wc -l <rest.csv)" 7
npu "the same without a stop" 0 train points.csv -l class --epochs 6 -q -o whole.onnx
ok "the same bits" cmp -s whole.onnx rest.onnx
npu "--resume without a checkpoint yet" 0 train points.csv -l class --epochs 1 --checkpoint fresh --resume \
	-q -o t.onnx
npu "--resume from nowhere" 2 train points.csv -l class --resume -o t.onnx
says "the remedy is given" '\-\-checkpoint'

svg() {
	if command -v xmllint >/dev/null; then
		xmllint --noout "$2"
	else
		python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$2"
	fi
	tap_result $? "$1"
}
npu "a plot" 0 train points.csv -l class --epochs 12 --patience 12 --schedule cosine -q -o t.onnx \
	--plot run.svg --history run.json
svg "is well-formed XML" run.svg
for word in loss accuracy 'learning rate' training validation epoch 'best: epoch'; do
	grep -q ">$word" run.svg
	tap_result $? "it shows: $word"
done
same "a curve for each figure" "$(grep -c '<path' run.svg)" 5
! grep -q '>1e-' run.svg
tap_result $? "the rate of a cosine is not drawn in decades"
npu "a plot of an exponential" 0 train points.csv -l class --epochs 100 --schedule exponential \
	--schedule-factor 0.9 -q -o t.onnx --plot steep.svg
ok "its rate is" grep -q '>1e-' steep.svg
! grep -Eq 'nan|inf' run.svg
tap_result $? "all of its places are numbers"
ok "the history is JSON" python3 -m json.tool run.json out
npu "a plot of one epoch, without validation" 0 train points.csv -l class --epochs 1 --validation 0 -q \
	-o t.onnx --plot one.svg
svg "is well-formed XML" one.svg
npu "a plot that is no SVG" 2 train points.csv -l class -o t.onnx --plot one.png
says "the name is given" 'FILE.svg'
npu "a model that would be called a program" 2 train points.csv -l class -o t.npu
says "the remedy is given" 'npu compile'
npu "a checkpoint in a folder that is not there" 2 train points.csv -l class --checkpoint no/such -o t.onnx
says "the folder is named" 'no/such: .*No such file'
! grep -Eq 'nan|inf|>validation' one.svg
tap_result $? "all of its places are numbers"

# --------------------------------------------------------------------- kinds of data
awk 'BEGIN { print "day,load,noise"; for (i = 0; i < 240; i++)
	printf "%d,%f,%d\n", i, 300 + 100 * sin(i / 4), i % 3 }' >series.csv
npu "a series in windows" 0 train series.csv --features load --window 8 --horizon 2 --scale-targets \
	--layers "dense 16 tanh; output" --epochs 60 --rate 0.01 -o series.onnx --json
json "it is told in JSON"
r2=$(sed -n 's/^ *"r2": \([0-9.]*\),*/\1/p' out | head -1)
ok "the sine is learned, in its own units" awk "BEGIN { exit !(0$r2 > 0.9) }"
npu "the same, as text" 0 train series.csv --features load --window 8 --horizon 2 --epochs 2 -q -o t.onnx
prints "the naive forecast is told, too" "^saying that the last value stays: RMSE"
npu "eval cuts as the model was" 0 eval series.onnx series.csv --features load --window 8 --horizon 2
prints "it measures windows" '231 samples'
npu "windows without what follows" 1 train series.csv --features load --window 8 -o t.onnx
says "the remedy is given" '\-\-horizon'
npu "what follows without windows" 1 train series.csv --features load --horizon 2 -o t.onnx
says "the remedy is given" '\-\-window'
npu "windows longer than the series" 1 train series.csv --features load --window 300 --horizon 1 -o t.onnx
npu "targets far from 0" 0 train series.csv --targets load --epochs 1 -q -o t.onnx
prints "the remedy is given" '^an R2 below 0 .*--scale-targets'
npu "classes among the first of numbers" 1 train series.csv --targets load -k 2 -o t.onnx
says "it is said" 'with classes'
sed '2,$s/,[^,]*$/,same/' points.csv >same.csv
npu "one class" 1 train same.csv -l class -o t.onnx
says "file and class are named" 'same.csv: .*one class'
npu "a table that is shifted" 1 train points.csv -l class --augment "shift 2" -o t.onnx
says "it is said" 'only noise'
npu "noise on a table" 0 train points.csv -l class --augment "noise 0.05" --epochs 1 -o t.onnx
prints "parts are counted" '^576 samples of 2 values to train on, 64 to watch, 160 set aside to test'
npu "scaled targets of classes" 1 train points.csv -l class --scale-targets -o t.onnx
says "it is said" 'classes'
npu "options of folders for a file" 1 train points.csv -l class --match '*.png' -o t.onnx
says "it is said" 'folders'

{
	printf '@problemName x\n@timestamps false\n@missing false\n@univariate true\n@equalLength false\n'
	printf '@classLabel true up down\n@data\n'
	for i in 1 2 3 4 5 6 7 8 9 10; do
		echo "0.$i,0.5,0.7,0.9:up"
		echo "0.9,0.6,0.$i:down"
	done
} >steps.ts
npu "a .ts file" 0 train steps.ts --layers "globalavgpool; output" --epochs 2 -q -o t.onnx
npu "a .ts file and a sequence preset" 0 train steps.ts --preset gru --epochs 2 -q -o t.onnx

python3 - <<'END'
import os, struct, zlib, wave
def png(path, size, color):
    rows = b''.join(b'\0' + bytes([color ^ (x * 5 & 31)]) * size for x in range(size))
    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' +
                chunk(b'IHDR', struct.pack('>IIBBBBB', size, size, 8, 0, 0, 0, 0)) +
                chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
def tone(path, period):
    with wave.open(path, 'wb') as f:
        f.setnchannels(1); f.setsampwidth(2); f.setframerate(8000)
        f.writeframes(b''.join(struct.pack('<h', 9000 if i // period % 2 else -9000)
                               for i in range(2400)))
def array(path, kind, shape, values):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00\x76\x00' + head.ljust(117).encode() + b'\n')
        f.write(struct.pack('<%d%s' % (len(values), kind[1]), *values))
for name, count in (('a', 30), ('b', 9)):
    array(name + '.npy', '<f4', (count, 2), range(2 * count))
    array(name + '-labels.npy', '<i4', (count,), [i % 3 for i in range(count)])
os.makedirs('tones')
for name, color, period in (('dark', 20, 40), ('light', 200, 4)):
    os.makedirs('images/' + name)
    for i in range(12):
        png('images/%s/%d.png' % (name, i), 16, color + i)
        tone('tones/%s_%d.wav' % (name, i), period + i % 3)
END
npu "a model of one output" 0 train points.csv --targets y --features x --epochs 1 -q -o one.onnx
npu "four classes for it" 1 eval one.onnx points.csv -l class --features x
says "it is said" 'one output'
npu "NumPy files" 0 train a.npy --labels a-labels.npy --test-data b.npy --test-labels b-labels.npy \
	--epochs 1 -q -o t.onnx
prints "all of the second is tested" '9 samples'
npu "answers of the test are missing" 1 train a.npy --labels a-labels.npy --test-data b.npy -o t.onnx
says "they are asked for" 'b.npy: .*--test-labels FILE'
npu "a folder of images" 0 train images --layers "conv 4 3x3 same relu; globalavgpool; output" --epochs 30 \
	--rate 0.02 --scale none -q -o images.onnx
npu "eval on it" 0 eval images.onnx images
prints "its classes are the folders" '^  light '
npu "dense layers on images" 0 train images --hidden 8 --epochs 20 -q -o dense.onnx
npu "compiled" 0 compile dense.onnx --samples images -o dense.npu
npu "and run on images" 0 eval dense.npu images --device embedded
prints "all of them" '24 samples'
npu "images of another size" 0 train images --size 8x8 --preset cnn --epochs 1 -q -o t.onnx
npu "a size that is none" 1 train images --size small -o t.onnx
says "it is said how" 'HxW'
npu "a folder of recordings" 0 train tones --class-of prefix --hop-ms 20 --preset kws-cnn --epochs 2 -q \
	-o tones.onnx
npu "eval on it" 0 eval tones.onnx tones --class-of prefix --hop-ms 20
npu "parts of a folder" 0 train tones --class-of prefix --match '*_?.wav' --test-match '*_1?.wav' \
	--epochs 1 -q -o t.onnx
prints "each in its place" '4 samples'
mkdir empty
npu "a folder without samples" 1 train empty -o t.onnx
says "it is said" 'no PNG, JPEG or WAV'
head -c 60 images/dark/3.png >cut.png && mv cut.png images/dark/3.png
npu "a damaged image" 1 train images -o t.onnx
says "it is named" 'images/dark/3.png'
tap_done
