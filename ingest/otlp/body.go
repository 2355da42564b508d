package otlp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/taeldb/tael"
)

// buffer is a reused request body and the bytes of the in-flight limit that it holds.
type buffer struct {
	b    []byte
	held int64
}

const (
	firstRead = 64 << 10
	// keepBuffer is the largest buffer that goes back to the pool, so that one large body does not stay in memory for good.
	keepBuffer = 4 << 20
	// zstdWindow bounds the memory that a zstd frame can ask for.
	zstdWindow = 8 << 20
)

// readBody reads and decompresses a body into a pooled buffer, to be given back with release. Every byte is paid for from the in-flight limit
// before memory for it is taken, so that many large or bomb-like bodies are refused rather than kept.
func (r *Receiver) readBody(req *http.Request) (*buffer, error) {
	body := r.buffers.Get().(*buffer)
	body.b = body.b[:0]
	from, done, err := r.decompress(req)
	if err == nil {
		hint := int64(firstRead)
		if req.Header.Get("Content-Encoding") == "" && req.ContentLength > 0 {
			hint = req.ContentLength + 1 // one more, so that the last read sees the end without growing
		}
		if req.ContentLength > r.o.MaxBodyBytes {
			err = r.errBody()
		} else {
			err = r.fill(body, from, hint)
		}
		done()
	}
	if err != nil {
		r.release(body)
		return nil, err
	}
	return body, nil
}

func (r *Receiver) fill(body *buffer, from io.Reader, hint int64) error {
	for {
		if len(body.b) == cap(body.b) || body.held < int64(len(body.b))+1 {
			if err := r.grow(body, max(hint, int64(2*len(body.b)))); err != nil {
				return err
			}
		}
		n, err := from.Read(body.b[len(body.b):min(int64(cap(body.b)), body.held)])
		body.b = body.b[:len(body.b)+n]
		if int64(len(body.b)) > r.o.MaxBodyBytes {
			return r.errBody()
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("%w of %v (otlp-read-timeout)", errSlow, r.o.ReadTimeout)
		case err != nil:
			return fmt.Errorf("read body: %w: %w", tael.ErrInvalid, err)
		}
	}
}

// grow pays for size bytes and makes room for them.
func (r *Receiver) grow(body *buffer, size int64) error {
	size = min(size, r.o.MaxBodyBytes+1)
	if err := r.pay(body, size-body.held); err != nil {
		return err
	}
	if int64(cap(body.b)) < size {
		b := make([]byte, len(body.b), size)
		copy(b, body.b)
		body.b = b
	}
	return nil
}

// pay takes more bytes from the in-flight limit.
func (r *Receiver) pay(body *buffer, more int64) error {
	if more <= 0 {
		return nil
	}
	if !r.inflight.TryAcquire(more) {
		return errFull
	}
	body.held += more
	return nil
}

func (r *Receiver) errBody() error {
	return fmt.Errorf("%w: the body is over the limit of %d bytes (otlp-max-body-bytes); send smaller batches", tael.ErrTooLarge, r.o.MaxBodyBytes)
}

func (r *Receiver) release(body *buffer) {
	r.inflight.Release(body.held)
	body.held = 0
	if cap(body.b) <= keepBuffer {
		r.buffers.Put(body)
	}
}

// decompress wraps the request's body by its Content-Encoding. done gives the decompressor back.
func (r *Receiver) decompress(req *http.Request) (from io.Reader, done func(), err error) {
	switch encoding := strings.ToLower(strings.TrimSpace(req.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return req.Body, func() {}, nil
	case "gzip":
		z, ok := r.gzips.Get().(*gzip.Reader)
		if ok {
			err = z.Reset(req.Body)
		} else {
			z, err = gzip.NewReader(req.Body)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read gzip body: %w: %w", tael.ErrInvalid, err)
		}
		return z, func() { r.gzips.Put(z) }, nil
	case "zstd":
		z, ok := r.zstds.Get().(*zstd.Decoder)
		if ok {
			err = z.Reset(req.Body)
		} else {
			z, err = zstd.NewReader(req.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read zstd body: %w: %w", tael.ErrInvalid, err)
		}
		return z, func() {
			if z.Reset(nil) == nil {
				r.zstds.Put(z)
			}
		}, nil
	default:
		return nil, nil, fmt.Errorf("%w: Content-Encoding %q: want gzip, zstd or identity", errEncoding, encoding)
	}
}

// errSlow is answered as retryable: the network may be better the next time.
var errSlow = errors.New("read body: it did not come within the limit")

// errEncoding is answered with 415.
var errEncoding = fmt.Errorf("%w: not understood", tael.ErrInvalid)
