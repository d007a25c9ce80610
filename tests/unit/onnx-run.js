// SPDX-License-Identifier: MIT
// onnx-run.js MODEL INPUT.npy OUTPUT.npy: run MODEL in ONNX Runtime on the rows of INPUT and
// print the largest absolute difference to OUTPUT. NODE_PATH has to reach onnxruntime-node.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

// npu_write_npy() writes version 1, C order, f4.
function readNpy(path) {
	const bytes = fs.readFileSync(path);
	const start = 10 + bytes.readUInt16LE(8);
	const shape = /'shape': \((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, start));
	const values = new Float32Array(Number(shape[1]) * Number(shape[2]));

	for (let i = 0; i < values.length; i++)
		values[i] = bytes.readFloatLE(start + 4 * i);
	return { rows: Number(shape[1]), columns: Number(shape[2]), values };
}

// The sample's shape as the model declares it; a scalar count means {1, features}.
function inputShape(session, rows, columns) {
	const declared = (session.inputMetadata || [])[0];
	const dims = declared && declared.shape ? Array.from(declared.shape).slice(1) : [columns];

	return [rows, ...dims.map(Number)];
}

async function main([model, input, output]) {
	const x = readNpy(input), expected = readNpy(output);
	const session = await ort.InferenceSession.create(model, {
		intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
	});
	const tensor = new ort.Tensor('float32', x.values, inputShape(session, x.rows, x.columns));
	const result = await session.run({ [session.inputNames[0]]: tensor });
	const y = result[session.outputNames[0]].data;
	let worst = y.length === expected.values.length ? 0 : Infinity;

	for (let i = 0; i < y.length; i++) {
		const difference = Math.abs(y[i] - expected.values[i]);

		worst = difference <= worst ? worst : difference;
	}
	console.log(worst);
	// NaN compares false: it fails here too.
	process.exit(worst <= 1e-5 ? 0 : 1);
}

main(process.argv.slice(2)).catch((error) => {
	console.error(error.message);
	process.exit(1);
});
