package spanfile

import (
	"errors"

	"github.com/klauspost/compress/zstd"
)

// compressors are the two zstd levels of a file: long text is worth more of the CPU than the rest.
type compressors struct {
	fast, text *zstd.Encoder
}

func newCompressors(pageBytes int) (*compressors, error) {
	// The page header has a checksum, so the frame needs none. Without all-literal entropy compression, "fastest" leaves small pages of indexes as they are. The window is no larger
	// than a page: what it is larger is allocated for nothing.
	window := 1 << 17
	for window < pageBytes && window < 4<<20 {
		window <<= 1
	}
	common := []zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true), zstd.WithWindowSize(window), zstd.WithZeroFrames(true)}
	fast, err1 := zstd.NewWriter(nil, append(common, zstd.WithEncoderLevel(zstd.SpeedFastest))...)
	text, err2 := zstd.NewWriter(nil, append(common, zstd.WithEncoderLevel(zstd.SpeedDefault))...)
	return &compressors{fast, text}, errors.Join(err1, err2)
}

func (c *compressors) of(text bool) *zstd.Encoder {
	if text {
		return c.text
	}
	return c.fast
}
