package spanfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// Long pages of text are unpacked only as far as their last wanted value: half of one on average, and unpacking them is most of the
// work of a look-up.

// streamFrom is the size from which on that pays: zstd unpacks blocks of up to 128 KiB at a time.
const streamFrom = 160 << 10

// stream is a body that is unpacked piece by piece.
type stream struct {
	zstd *zstd.Decoder // nil until the first use
	src  bytes.Reader
	b    []byte // unpacked until now
	size int    // of all
}

// newStreamDecoder makes a decoder that works in the caller's goroutine and starts none.
func newStreamDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPageBytes), zstd.WithDecodeBuffersBelow(0))
}

func (s *stream) open(src []byte, size int) error {
	if s.zstd == nil {
		d, err := newStreamDecoder()
		if err != nil {
			return fmt.Errorf("page: zstd: %w", err)
		}
		s.zstd = d
	}
	s.src.Reset(src)
	s.b, s.size = slices.Grow(s.b[:0], size), size
	if err := s.zstd.Reset(&s.src); err != nil {
		return fmt.Errorf("page: zstd: %w", err)
	}
	return nil
}

// need unpacks until b has n bytes.
func (s *stream) need(n int) error {
	if n > s.size {
		return errValuesShort
	}
	for len(s.b) < n {
		got, err := s.zstd.Read(s.b[len(s.b):s.size])
		s.b = s.b[:len(s.b)+got]
		if err != nil && len(s.b) < n {
			if errors.Is(err, io.EOF) {
				return errValuesShort
			}
			return fmt.Errorf("page: zstd: %w", err)
		}
	}
	return nil
}

// close lets go of the source.
func (s *stream) close() {
	s.src.Reset(nil)
	_ = s.zstd.Reset(nil) // nothing to report: it is only made ready
}

// streams tells whether the page is to be read piece by piece.
func (c *vector) streams(h pageHeader, codec format.CompressionCodec, rows int, sel []rowRange) bool {
	return c.physical == format.ByteArray && h.encoding == format.Plain && h.kind == format.DataPage && codec == format.Zstd &&
		h.unpacked >= streamFrom && c.maxRep == 0 && len(sel) > 0 && sel[len(sel)-1].to < rows
}

// streamed is data for a page that streams.
func (p *pageReader) streamed(c *vector, h pageHeader, body []byte, rows int, sel []rowRange) error {
	s := &p.stream
	if err := s.open(body, h.unpacked); err != nil {
		return err
	}
	defer s.close()
	var def []byte
	at := 0
	if c.maxDef > 0 {
		if err := s.need(4); err != nil {
			return errLevels
		}
		n := int(le32(s.b))
		if n < 0 || n > h.unpacked-4 {
			return errLevels
		}
		if err := s.need(4 + n); err != nil {
			return err
		}
		// The levels are used up before more is unpacked behind them.
		def, at = s.b[4:4+n], 4+n
	}
	total, err := p.levels(c, h, nil, def, rows, sel)
	if err != nil || total == 0 {
		return err
	}
	if err := c.own(total); err != nil {
		return err
	}
	if len(c.ends) == 0 {
		c.ends = append(c.ends, 0)
	}
	for _, t := range p.takes {
		for i := range t.skip + t.take {
			if err := s.need(at + 4); err != nil {
				return err
			}
			n := int(le32(s.b[at:]))
			at += 4
			if n < 0 || n > h.unpacked-at {
				return errValuesShort
			}
			if i >= t.skip {
				if err := s.need(at + n); err != nil {
					return err
				}
				if err := c.values.add(s.b[at : at+n]); err != nil {
					return err
				}
			}
			at += n
		}
	}
	return nil
}
