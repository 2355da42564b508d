package otlp

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/encoding"
)

// RegisterCompressors makes gzip and zstd known to gRPC, whose list is of the process and not safe to change while servers run: main
// calls this once, before it starts any.
func RegisterCompressors() {
	encoding.RegisterCompressor(&gzipCompressor{})
	encoding.RegisterCompressor(&zstdCompressor{})
}

type gzipCompressor struct{ readers, writers sync.Pool }

func (*gzipCompressor) Name() string { return "gzip" }

func (c *gzipCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	z, ok := c.writers.Get().(*gzip.Writer)
	if !ok {
		z = gzip.NewWriter(w)
	} else {
		z.Reset(w)
	}
	return &pooledWriter{z, func() { c.writers.Put(z) }}, nil
}

func (c *gzipCompressor) Decompress(r io.Reader) (io.Reader, error) {
	z, ok := c.readers.Get().(*gzip.Reader)
	if ok {
		if err := z.Reset(r); err != nil {
			return nil, err
		}
	} else {
		var err error
		if z, err = gzip.NewReader(r); err != nil {
			return nil, err
		}
	}
	return &pooledReader{r: z, done: func() { c.readers.Put(z) }}, nil
}

type zstdCompressor struct{ readers, writers sync.Pool }

func (*zstdCompressor) Name() string { return "zstd" }

func (c *zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	z, ok := c.writers.Get().(*zstd.Encoder)
	if !ok {
		var err error
		if z, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
			return nil, err
		}
	} else {
		z.Reset(w)
	}
	return &pooledWriter{z, func() { c.writers.Put(z) }}, nil
}

func (c *zstdCompressor) Decompress(r io.Reader) (io.Reader, error) {
	z, ok := c.readers.Get().(*zstd.Decoder)
	if ok {
		if err := z.Reset(r); err != nil {
			return nil, err
		}
	} else {
		var err error
		if z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true)); err != nil {
			return nil, err
		}
	}
	return &pooledReader{r: z, done: func() {
		if z.Reset(nil) == nil {
			c.readers.Put(z)
		}
	}}, nil
}

// pooledReader gives the decompressor back at the end of its stream. One that fails before is left to the garbage collector.
type pooledReader struct {
	r    io.Reader
	done func()
}

func (p *pooledReader) Read(b []byte) (int, error) {
	if p.r == nil {
		return 0, io.EOF
	}
	n, err := p.r.Read(b)
	if err == io.EOF { //nolint:errorlint // the decompressors give it unwrapped, and io.Reader asks for that
		p.r = nil
		p.done()
	}
	return n, err
}

type pooledWriter struct {
	io.WriteCloser
	done func()
}

func (p *pooledWriter) Close() error {
	err := p.WriteCloser.Close()
	p.done()
	return err
}
