// SPDX-License-Identifier: MIT
/* Folders: of images or of recordings, as the names of the files in them tell. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "dataset_file.h"
#include "layer_reader.h"

enum content {
	CONTENT_NONE,
	CONTENT_IMAGES,
	CONTENT_RECORDINGS
};

static enum content content_of_name(const char *name)
{
	static const char *const images[] = { ".png", ".jpg", ".jpeg" };

	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
		if (cli_ends_with(name, images[i]))
			return CONTENT_IMAGES;
	return cli_ends_with(name, ".wav") ? CONTENT_RECORDINGS : CONTENT_NONE;
}

/* What the first file that is either makes of @folder; sub-folders are looked into. */
static enum content content_of(const char *folder, unsigned int depth)
{
	DIR *directory = opendir(folder);
	enum content content = CONTENT_NONE;
	const struct dirent *entry;
	char path[4096];

	while (directory && !content && (entry = readdir(directory))) {
		struct stat about;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (stat(path, &about) < 0)
			continue;
		if (!S_ISDIR(about.st_mode))
			content = content_of_name(entry->d_name);
		else if (depth)
			content = content_of(path, depth - 1);
	}
	if (directory)
		closedir(directory);
	return content;
}

/* H, W and, where it is said, C of --size. */
static int parse_size(const struct dataset_file *file, struct npu_image_options *options,
		      struct npu_error *err)
{
	uint32_t size[3] = { 0 };
	size_t count = file->size ? layer_word_sizes(file->size, size, 3) : 0;

	if (!file->size)
		return 0;
	if (count < 2 || !size[0] || !size[1] || (count == 3 && size[2] != 1 && size[2] != 3))
		return dataset_file_fail(err, -EINVAL,
					 "--size '%s' is wrong: it takes HxW or HxWxC, such as "
					 "32x32x1; C is 1 or 3",
					 file->size);
	options->height = size[0];
	options->width = size[1];
	options->channels = size[2];
	options->resize = true;
	return 0;
}

static int read_images(const struct dataset_file *file, const struct npu_folder_options *folder,
		       const uint32_t dim[3], struct npu_dataset *data, struct npu_error *err)
{
	struct npu_image_options options = { .folder = *folder };
	int ret = parse_size(file, &options, err);

	if (ret < 0)
		return ret;
	if (dim) {
		options.height = dim[0];
		options.width = dim[1];
		options.channels = dim[2];
		options.resize = true;
	}
	return npu_dataset_open_images(data, file->path, &options, err);
}

static int read_recordings(const struct dataset_file *file, const struct npu_folder_options *folder,
			   const uint32_t dim[3], struct npu_dataset *data, struct npu_error *err)
{
	struct npu_wav_options options = {
		.folder = *folder,
		.audio = { .features = file->mfcc ? NPU_AUDIO_MFCC : NPU_AUDIO_LOG_MEL,
			   .window_ms = file->window_ms,
			   .hop_ms = file->hop_ms,
			   .bands = file->bands },
		.frames = file->frames,
		.image = file->spectrogram,
	};

	if (dim) {
		options.image = dim[0] > 1;
		options.frames = dim[0] > 1 ? dim[0] : dim[1];
		if (file->mfcc)
			options.audio.coefficients = dim[0] > 1 ? dim[1] : dim[2];
		else
			options.audio.bands = dim[0] > 1 ? dim[1] : dim[2];
	}
	return npu_dataset_read_wav(data, file->path, &options, err);
}

int dataset_folder_read(const struct dataset_file *file, const uint32_t dim[3],
			struct npu_dataset *data, struct npu_error *err)
{
	struct npu_folder_options folder = {
		.class_of = (enum npu_class_of)file->class_of,
		.match = file->match,
	};

	switch (content_of(file->path, 2)) {
	case CONTENT_IMAGES:
		return read_images(file, &folder, dim, data, err);
	case CONTENT_RECORDINGS:
		return read_recordings(file, &folder, dim, data, err);
	default:
		return dataset_file_fail(
			err, -EINVAL,
			"%s: there are no PNG, JPEG or WAV files in this folder or "
			"its sub-folders",
			file->path);
	}
}
