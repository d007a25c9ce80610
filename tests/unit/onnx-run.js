// SPDX-License-Identifier: MIT
// onnx-run.js FOLDER: run every model that FOLDER/names lists in ONNX Runtime, NAME.onnx and what
// onnx-check.py made of it for other operator sets, on the rows of NAME.in.npy. A line for each
// name: "ok" or "not", the name, and the largest absolute difference to NAME.out.npy or what went
// wrong. NODE_PATH has to reach onnxruntime-node.
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

async function worstDifference(model, x, expected) {
	const session = await ort.InferenceSession.create(model, {
		intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
	});
	const tensor = new ort.Tensor('float32', x.values, inputShape(session, x.rows, x.columns));
	const result = await session.run({ [session.inputNames[0]]: tensor });
	const y = result[session.outputNames[0]].data;
	let worst = y.length === expected.values.length ? 0 : Infinity;

	// NaN compares false: it is infinitely far.
	for (let i = 0; i < y.length; i++) {
		const difference = Math.abs(y[i] - expected.values[i]);

		worst = difference <= worst ? worst : difference < Infinity ? difference : Infinity;
	}
	await session.release();
	return worst;
}

async function runAll(folder) {
	for (const line of fs.readFileSync(`${folder}/names`, 'utf8').trim().split('\n')) {
		const name = line.split(' ')[0];
		const models = fs.readdirSync(folder).filter((file) =>
			file === `${name}.onnx` || (file.startsWith(`${name}-`) && file.endsWith('.onnx')));
		let worst = 0;

		try {
			const x = readNpy(`${folder}/${name}.in.npy`);
			const expected = readNpy(`${folder}/${name}.out.npy`);

			for (const model of models)
				worst = Math.max(worst,
					await worstDifference(`${folder}/${model}`, x, expected));
			console.log(worst <= 1e-5 ? 'ok' : 'not', name, worst, 'in', models.length);
		} catch (error) {
			console.log('not', name, error.message.replace(/\s+/g, ' '));
		}
	}
}

runAll(process.argv[2]);
