#!/bin/sh
# SPDX-License-Identifier: MIT
# The npu command: every subcommand, its exit codes, its JSON, and a sentence for each mistake.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. tests/tap.sh
. tests/npu-tool.sh

# ------------------------------------------------------------------------- help
npu "help" 0 --help
prints "help lists the commands" '^  train '
npu "version" 0 --version
prints "version is a number" '^npu [0-9]+\.[0-9]+\.[0-9]+$'
for command in generate train eval compile run bench dump info; do
	npu "$command --help" 0 $command --help
	prints "$command --help has examples" '^Examples:'
	npu "help $command" 0 help $command
	widest=$(awk '{ if (length > n) n = length } END { print n }' out)
	[ "$widest" -le 80 ]
	tap_result $? "$command --help fits 80 columns"
done
npu "no command is a usage error" 2
npu "an unknown command is a usage error" 2 fly
says "it is named" "'fly' is not a command"
npu "an unknown option is a usage error" 2 train --fly
says "it is named" 'train: --fly is not an option'
npu "an option without its value" 2 train --label
says "it is named" '\-\-label needs a value'
npu "a number out of range" 2 train x.csv --epochs 0 -o m.onnx
says "the range is given" '\-\-epochs .0. is wrong: it takes a whole number from 1'
npu "a wrong choice" 2 train x.csv --optimizer magic -o m.onnx
says "the choices are given" 'one of adam, sgd, rmsprop'
npu "too many arguments" 2 info now
says "it is named" "'now' is one argument too many"
npu "too few arguments" 2 train -o m.onnx
says "they are named" 'train: it takes DATA'

# --------------------------------------------------------------------- generate
npu "generate spirals" 0 generate spirals --samples 1600 -o train.csv
npu "generate to JSON" 0 generate spirals --samples 400 --seed 2 -o test.csv --json
json "generate --json"
same "generated file has its samples" "$(wc -l <train.csv)" 1601
npu "the same again" 0 generate spirals --samples 1600 -o again.csv
ok "the same seed gives the same file" cmp -s train.csv again.csv
npu "rings on standard output" 0 generate rings --samples 5 --classes 2
prints "rings are CSV" '^x,y,class$'
npu "an unknown shape" 2 generate cubes
says "the shapes are given" 'spirals and rings'
npu "a folder that is not there" 1 generate spirals -o nowhere/x.csv
says "it is named" '^npu: nowhere/x.csv: No such file'

# ------------------------------------------------------------------------ train
npu "train" 0 train train.csv --label class --hidden 32,32 --epochs 40 --rate 0.005 -o model.onnx
prints "training shows epochs" 'epoch +40/40 +loss [0-9.]+ +accuracy'
prints "and ends with the test set" '^test: accuracy [0-9.]+ %'
same "nothing on stderr when it is not a terminal" "$(wc -c <err)" 0
npu "train --json" 0 train train.csv -l class --epochs 3 -o other.onnx --json
json "train --json is JSON"
prints "it has the history" '"val_accuracy"'
npu "train by layer text" 0 train train.csv -l class --epochs 2 -q \
	--layers "dense 16 leaky-relu 0.2 he-normal; dense 8 nobias; tanh; dense 4 softmax" -o t.onnx
npu "train with sgd and min-max" 0 train train.csv -l class --epochs 2 -q --optimizer sgd \
	--momentum 0.5 --rate 0.05 --scale minmax --batch 16 --patience 1 -o t.onnx
printf 'a,b,sum\n' >sum.csv
awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { a = rand(); b = rand();
	printf "%f,%f,%f\n", a, b, a + b } }' >>sum.csv
npu "regression" 0 train sum.csv --targets sum --epochs 40 -q -o sum.onnx
prints "regression ends with its errors" '^test: RMSE'
npu "no answers" 1 train sum.csv -o t.onnx
says "the remedy is given" 'Give --label COLUMN'
npu "words without --label" 1 train train.csv -o t.onnx
says "the remedy is given" "'A', not a number.*label"
npu "a column that is not there" 1 train train.csv --label colour -o t.onnx
says "it is named" 'colour'
npu "an unknown layer word" 1 train train.csv -l class --layers "dense 4; dance 3" -o t.onnx
says "layer and word are named" "layer 2, 'dance'.*did you mean dense"
npu "a layer that ends too early" 1 train train.csv -l class --layers "dense 4; dense" -o t.onnx
says "it is said where" 'layer 2, at its end: '
npu "a name without a known ending" 1 train train.data -l class -o t.onnx
says "the endings are given" 'train.data: .*\.csv'
npu "no output" 2 train train.csv -l class
says "the option is named" '\-o FILE'
printf 'a,b,c\n1,2,x\n3,4\n5,6,y\n' >ragged.csv
npu "a ragged CSV" 1 train ragged.csv --label c -o t.onnx
says "file and line are named" 'ragged.csv.*3'
printf 'a,b,c\n1,2,x\n3,four,y\n' >word.csv
npu "a word among numbers" 1 train word.csv --label c -o t.onnx
says "the word's line is named" 'word.csv.*3'
npu "no file" 1 train nothing.csv --label c -o t.onnx
says "it is named" 'nothing.csv'

# ------------------------------------------------------------------ eval in f32
npu "eval a model" 0 eval model.onnx test.csv --label class
prints "eval shows the confusion" 'truth'
prints "and each class" '^  A +[01]\.[0-9]+ +[01]\.[0-9]+ +[01]\.[0-9]+ +(1\.0|0\.9)[0-9]+ +100$'
prints "and the log loss" '^  log loss 0\.'
prints "eval says where it ran" 'ran in f32'
npu "eval --json" 0 eval model.onnx test.csv --label class --json
json "eval --json is JSON"
prints "it has the AUC" '"auc": (1|0\.9[0-9]*),'
npu "eval --top-k" 0 eval model.onnx test.csv --label class --top-k 2
prints "eval shows it" 'top 2 (100\.00|9[0-9]\.[0-9]+) %'
npu "eval with as many as there are" 1 eval model.onnx test.csv --label class -k 4
says "it says so" 'first 4 of 4 classes'
head -c 300 model.onnx >short.onnx
npu "a truncated ONNX file" 1 eval short.onnx test.csv --label class
says "it is named" 'short.onnx'
npu "samples of the wrong width" 1 eval model.onnx sum.csv --targets sum,b
says "both widths are given" '1 values.*takes 2'
sed 's/,A$/,Z/' test.csv >strange.csv
npu "a class the model does not know" 1 eval model.onnx strange.csv --label class
says "it is named, and the file" "[a-z]+\.csv: a class 'Z'"
grep -Ev ',[AC]$' test.csv >some.csv
npu "a file without some of the classes" 0 eval model.onnx some.csv --label class --json
few=$(sed -n 's/^  "accuracy": \(.*\),/\1/p' out)
ok "is counted by name, not by number" awk "BEGIN { exit !(0$few > 0.9) }"

# ---------------------------------------------------------------------- compile
npu "compile" 0 compile model.onnx --samples train.csv --label class -o model.npu
prints "compile prints the quote" '^  memory in all +[0-9]+'
npu "compile --json" 0 compile model.onnx -s train.csv -l class -o again.npu --json
json "compile --json is JSON"
ok "the same input gives the same bytes" cmp -s model.npu again.npu
quoted=$(sed -n 's/^  "file_bytes": \([0-9]*\).*/\1/p' out)
same "the quoted size is the size" "$(wc -c <again.npu)" "$quoted"
ln -s linked.npu link.npu
: >linked.npu
npu "compile through a link" 0 compile model.onnx -s train.csv -l class -o link.npu
ok "the link stays, its target is written" sh -c 'test -L link.npu && cmp linked.npu model.npu'
npu "compile to int16 in batches" 0 compile model.onnx -s train.csv -l class -p int16 -b 7 \
	-o batch.npu
npu "a model too large for --max-bytes" 1 compile model.onnx -s train.csv -l class \
	--max-bytes 1K -o large.npu
says "both sizes are given" '1024'
[ ! -e large.npu ]
tap_result $? "and nothing is written"
npu "no samples" 2 compile model.onnx -o x.npu
says "the option is named" '\-\-samples'
npu "answers left among the samples" 1 compile model.onnx -s sum.csv -o x.npu
says "the remedy is given" '\-\-label or --targets'

npu "a model with dropout" 0 train train.csv -l class --epochs 2 -q -o dropout.onnx \
	--layers "dropout 0.1; dense 16; dropout 0.2; relu; output"
npu "it compiles" 0 compile dropout.onnx -s train.csv -l class -o dropout.npu
"$NPU" eval dropout.onnx test.csv -l class --json >out
f32=$(sed -n 's/^  "accuracy": \(.*\),/\1/p' out)
npu "and runs" 0 eval dropout.npu test.csv -l class -d embedded --json
int8=$(sed -n 's/^  "accuracy": \(.*\),/\1/p' out)
ok "int8 is within 3 points of f32" \
	awk "BEGIN { d = 0$int8 - 0$f32; exit !(d > -0.03 && d < 0.03) }"
npu "a model with a softmax of 5000" 0 train train.csv -l class --epochs 1 -q -o large.onnx \
	--layers "dense 5000; softmax; output"
npu "is more than a program can hold" 1 compile large.onnx -s train.csv -l class -o large.npu
says "layer and limit are named" 'activation1.*4096'

# ----------------------------------------------------------------------- report
npu "compile --report" 0 compile model.onnx -s train.csv -l class -o report.npu --report
prints "it has a line for a layer" '^  dense1 +fully_connected +int8 +[0-9.]+ +[01]\.[0-9]+ +64 +'
prints "and for all of them" '^  in all +[0-9]'
prints "and says that nothing runs in f32" '^all layers run in the program'
ok "the program is the same" cmp -s report.npu model.npu
npu "compile --report --json" 0 compile model.onnx -s train.csv -l class -o report.npu --report \
	--json
json "it is JSON"
ok "it has the layers, what is right of them, and their share of the time" python3 -c '
import json
report = json.load(open("out"))["report"]
layers = report["layers"]
assert [layer["name"] for layer in layers] == ["dense1", "dense2", "dense3"]
assert all(layer["runs"] == "program" and layer["sqnr_db"] > 20 for layer in layers)
assert abs(sum(layer["share"] for layer in layers) - 1) < 1e-6
assert layers[0]["macs"] == 2 * 32 and report["macs"] == sum(layer["macs"] for layer in layers)'
npu "a report on what does not compile" 1 compile large.onnx -s train.csv -l class -o large.npu \
	--report
prints "says what would run where" '^  activation1 +in f32, in process'
prints "and that the first layer could be a program" '^  dense1 +in a program'
npu "the same to JSON" 1 compile large.onnx -s train.csv -l class -o large.npu --report --json
json "it is JSON"
prints "it has the reason" '"reason": ".*4096'
for how in percentile entropy mse; do
	npu "ranges by $how" 0 compile model.onnx -s train.csv -l class -o other.npu \
		--calibration $how
done

# ------------------------------------------------------------------------- dump
npu "dump" 0 dump model.npu
prints "dump shows the slots" '^slot [0-9] weights bytes=[0-9]+'
prints "the input" '^input 0 "input"@[0-9]+ s[0-9]\+0:int8\[1x1x1x2\]'
prints "an instruction and its layer" '^insn 0 "dense1"@[0-9]+ fully_connected'
prints "its output" '^ +out=s[0-9]\+[0-9]+:int8\[1x1x1x32\]'
prints "its parameters" '^ +scales=[0-9]+ scale_count=[0-9]+ act_min=-?[0-9]+ act_max=127'
prints "and what lies where" '^# memory of slot [0-9], scratch'
npu "dump --full" 0 dump model.npu --full
prints "it has the weights" '^weights 0 [0-9a-f]{64}$'
npu "dump --json" 0 dump model.npu --json
json "dump --json is JSON"
ok "it has instructions, tensors and the map" python3 -c '
import json
dump = json.load(open("out"))
insn = dump["instructions"][0]
assert insn["opcode"] == "fully_connected" and insn["layer"] == "dense1"
assert insn["tensors"]["weights"]["layout"] == "block16x4"
assert len(insn["scales"]) == insn["parameters"]["scale_count"]
assert any(region["last"] is None for region in dump["memory"])'
npu "dump --full --json" 0 dump model.npu --full --json
json "it is JSON, too"
npu "dump of what is no program" 1 dump train.csv
says "it is named" 'train.csv: not a .npu file'
npu "dump of nothing" 2 dump
says "what it takes is said" 'dump: it takes FILE.npu'

# ---------------------------------------------------------- eval, run, bench
npu "eval a program" 0 eval model.npu test.csv -l class --device embedded
prints "eval says where it ran" '^ran in this process'
npu "eval a program to JSON" 0 eval model.npu test.csv -l class -d embedded --json
json "it is JSON"
int8=$(sed -n 's/^  "accuracy": \(.*\),/\1/p' out)
"$NPU" eval model.onnx test.csv -l class --json >out
f32=$(sed -n 's/^  "accuracy": \(.*\),/\1/p' out)
ok "int8 is within 2 points of f32" awk "BEGIN { exit !(0$int8 > 0$f32 - 0.02) }"
npu "eval in batches of 7" 0 eval batch.npu test.csv -l class -d embedded
npu "run" 0 run model.npu test.csv -l class -d embedded
same "run prints a row a sample" "$(wc -l <out)" 401
prints "run names the classes" '^class,A,B,C,D$'
cp out fast.csv
tail -n +2 test.csv | cut -d, -f3 >answers.csv
npu "run on scalar kernels" 0 run model.npu test.csv -l class -d embedded --variant scalar
ok "scalar gives the same" cmp -s out fast.csv
npu "run one at a time" 0 run model.npu test.csv -l class -d embedded -n 1 --threads 1
ok "one at a time gives the same" cmp -s out fast.csv
npu "run to NumPy" 0 run model.npu test.csv -l class -d embedded -o out.npy
ok "the file is NumPy's" sh -c 'head -c 6 out.npy | grep -q NUMPY'
npu "run to CSV" 0 run model.npu test.csv -l class -d embedded -o out.csv
ok "the file is what was printed" cmp -s out.csv fast.csv
npu "run --json" 0 run model.npu test.csv -l class -d embedded --json
json "run --json is JSON"
npu "run a model" 0 run model.onnx test.csv -l class
prints "run names its classes, too" '^class,A,B,C,D$'
same "run prints a row a sample" "$(wc -l <out)" 401
right=$(cut -d, -f1 out | tail -n +2 | paste -d, - answers.csv | awk -F, '$1 == $2' | wc -l)
ok "as many are right as eval says" awk "BEGIN { exit !($right == int(0$f32 * 400 + 0.5)) }"
npu "run a model to NumPy" 0 run model.onnx test.csv -l class -o out.npy
prints "run says where" 'in f32 on the CPU'
npu "run a model to JSON" 0 run model.onnx test.csv -l class --json
json "it is JSON"
npu "bench a model" 2 bench model.onnx
says "the remedy is given" 'npu compile'
npu "run on the wrong shape" 1 run model.npu sum.csv -d embedded
says "both widths are given" '3 values.*takes 2'
head -c 1000 model.npu >short.npu
npu "a truncated program" 1 run short.npu test.csv -l class
says "it is named" 'short.npu'
npu "an empty program" 1 run /dev/null test.csv -l class
says "it is named" '/dev/null'
npu "an unknown variant" 1 run model.npu test.csv -l class -d embedded --variant magic
says "it is named" 'magic'
npu "bench" 0 bench model.npu -d embedded --seconds 0.05 --in-flight 4
prints "bench shows the median" '^  median +[0-9.]+ +µs'
npu "bench --json" 0 bench model.npu -d embedded --seconds 0.05 --json
json "bench --json is JSON"

# ------------------------------------------------------------------------- info
npu "info" 0 info
prints "info says where programs run" 'programs run'
npu "info --json" 0 info --json
json "info --json is JSON"
: >node
npu "no driver where one is demanded" 3 run model.npu test.csv -l class -d driver --node node
says "the node is named" 'node'
npu "no device node at all" 3 info --device driver --node "$work/missing"
says "it is named" 'missing'
chmod 000 node
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$NPU" bench model.npu -d driver --node "$work/node" >out 2>err
	same "a node without permission: exit code" $? 3
	says "permission and remedy are named" '[Pp]ermission.*(render|usermod|group|udev)'
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$NPU" info --node "$work/node" >out 2>err
	same "info as that user" $? 0
	prints "info finds it" 'may not use .*/node'
else
	skip "a node without permission" "needs root and setpriv"
fi
tap_done
