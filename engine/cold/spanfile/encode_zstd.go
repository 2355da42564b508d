package spanfile

import (
	"errors"

	"github.com/klauspost/compress/zstd"
)

// compressors are the zstd levels of a file. Long text is worth more of the CPU than the rest, and so are a few columns whose look-alikes lead the fast
// level astray. A level above these two takes twice the CPU for 0.3 bytes a span of such columns.
type compressors struct {
	fast, dense *zstd.Encoder
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
	dense, err2 := zstd.NewWriter(nil, append(common, zstd.WithEncoderLevel(zstd.SpeedDefault))...)
	return &compressors{fast, dense}, errors.Join(err1, err2)
}

func (c *compressors) of(f *Field) *zstd.Encoder {
	if f.Text || f.Dense {
		return c.dense
	}
	return c.fast
}
