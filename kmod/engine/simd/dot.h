/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Products of prepared int8 inputs and packed weights: what each instruction set has to
 * define (dot_avx2.h, dot_avxvnni.h, ...), and what drivers of it share.
 *
 * Inputs come in *quads*: four rows (or output pixels) whose inputs lie at x, x + a, x + b
 * and x + a + b. Four rows of a matrix or four pixels of an image line are one, b being 2 a;
 * so is a 2 x 2 window over output pixels, the maximum of which is wanted. Sums of a
 * quad are four rows of sixteen int32, one row after another.
 *
 *	dot_input		a prepared input; sizes and steps below are in bytes
 *	DOT_QUADS, DOT_BLOCKS	most quads and blocks that one call of dot_quads() takes
 *	DOT_QUADS_ALONE		most quads with a single block
 *	DOT_ROW_BLOCKS		most blocks of dot_row()
 *	dot_prepare(to, from, count)
 *		prepare count int8, and after them three zeros, which add nothing. May write up to
 *		DOT_SLACK bytes beyond the inputs
 *	dot_fill(to, value, count)	the same as count times value
 *	dot_start(w, groups, tail)
 *		what sums start from, besides the bias: minus what preparing adds to inputs,
 *		times the weights. The last of the groups has tail inputs
 *	dot_quads(sums, start, x, walk, w, quads, blocks)
 *		quads x blocks, which are constants
 *	DOT_WORDS_QUADS		most quads of dot_words()
 *	dot_words(sums, x, walk, w, quads)
 *		int16 inputs as they are, one block, at most DOT_WORDS_GROUPS groups in all: sums
 *		of them alone
 *	dot_row(sums, x, count, w, block_bytes, blocks)
 *		one row of inputs as they are in memory; sums without what they start from
 */
#ifndef NPU_DOT_H
#define NPU_DOT_H

/* A sum gets four products of at most 2^22 a group, and stays below 2^31. */
#define DOT_WORDS_GROUPS 127

/**
 * struct dot_walk - the inputs of a sum in memory, weights being dense
 * @a, @b: from the first input of a quad to the second, the third
 * @rows: of a window
 * @row_step: from one to the next
 * @columns: of a window, where they are not dense, else 1
 * @column_step: from one to the next
 * @groups: of four inputs, dense: of a column
 * @block_bytes: from the weights of one block to those of the next
 */
struct dot_walk {
	long a, b;
	__u32 rows, columns, groups;
	long row_step, column_step;
	unsigned long block_bytes;
};

/**
 * struct dot_sums - where sums go
 * @to: of the first row of the first block, sixteen int32
 * @row_step: bytes to those of the next row
 * @block_step: bytes to those of the next block
 */
struct dot_sums {
	__u8 *to;
	unsigned long row_step, block_step;
};

/**
 * struct dot_start - what sums start from
 * @from: of the first quad of the first block, sixteen int32
 * @row_step: to those of the next row: 0, or 64 to go on with sums
 * @block_step: to those of the next block
 */
struct dot_start {
	const __s32 *from;
	long row_step, block_step;
};

#endif /* NPU_DOT_H */
