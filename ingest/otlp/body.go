package otlp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/ingest/otlp/inflate"
)

// buffer is a reused request body and the bytes of the in-flight limit that it holds.
type buffer struct {
	part
	packed part // the body as it came, if it came as gzip
	held   int64
}

// part is some of the bytes of a request, and for how many of them there is room that was paid for.
type part struct {
	b    []byte
	room int64
}

const (
	firstRead = 64 << 10
	// keepBuffer is the largest buffer that goes back to the pool, so that one large body does not stay in memory for good.
	keepBuffer = 4 << 20
	// zstdWindow bounds the memory that a zstd frame can ask for.
	zstdWindow = 8 << 20
	// usualRatio is to how much of their size spans are packed at best, if they are not made up.
	usualRatio = 16
)

// readBody reads and decompresses a body into a pooled buffer, to be given back with release. Every byte is paid for from the in-flight limit
// before memory for it is taken, so that many large or bomb-like bodies are refused rather than kept.
func (r *Receiver) readBody(req *http.Request) (*buffer, error) {
	body := r.buffers.Get().(*buffer)
	if err := r.readInto(body, req); err != nil {
		r.release(body)
		return nil, err
	}
	return body, nil
}

func (r *Receiver) readInto(body *buffer, req *http.Request) error {
	if req.ContentLength > r.o.MaxBodyBytes {
		return r.errBody()
	}
	hint := int64(firstRead)
	if req.ContentLength > 0 {
		hint = req.ContentLength + 1 // one more, so that the last read sees the end without growing
	}
	switch encoding := strings.ToLower(strings.TrimSpace(req.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return r.fill(body, &body.part, req.Body, hint)
	case "gzip":
		if err := r.fill(body, &body.packed, req.Body, hint); err != nil {
			return err
		}
		return r.gunzip(body)
	case "zstd":
		z, ok := r.zstds.Get().(*zstd.Decoder)
		var err error
		if ok {
			err = z.Reset(req.Body)
		} else {
			z, err = zstd.NewReader(req.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		}
		if err != nil {
			return fmt.Errorf("read zstd body: %w: %w", tael.ErrInvalid, err)
		}
		err = r.fill(body, &body.part, z, firstRead)
		if z.Reset(nil) == nil {
			r.zstds.Put(z)
		}
		return err
	default:
		return fmt.Errorf("%w: Content-Encoding %q: want gzip, zstd or identity", errEncoding, encoding)
	}
}

// fill reads into a part of the body until the end.
func (r *Receiver) fill(body *buffer, p *part, from io.Reader, hint int64) error {
	for {
		if len(p.b) == cap(p.b) || p.room < int64(len(p.b))+1 {
			if err := r.grow(body, p, max(hint, int64(2*len(p.b)))); err != nil {
				return err
			}
		}
		n, err := from.Read(p.b[len(p.b):min(int64(cap(p.b)), p.room)])
		p.b = p.b[:len(p.b)+n]
		if int64(len(p.b)) > r.o.MaxBodyBytes {
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

// gunzip unpacks the packed part, and then pays no more for it.
func (r *Receiver) gunzip(body *buffer) error {
	z, ok := r.gzips.Get().(*inflate.Decoder)
	if !ok {
		z = new(inflate.Decoder)
	}
	defer func() {
		z.Reset(nil)
		r.gzips.Put(z)
	}()
	z.Reset(body.packed.b)
	// The size that the body says to have is believed as far as bodies are often packed that well.
	hint := min(z.Size(), usualRatio*int64(len(body.packed.b))) + inflate.Slack
	for {
		if err := r.grow(body, &body.part, max(hint, int64(2*len(body.b)))); err != nil {
			return err
		}
		b, err := z.Append(body.b[:len(body.b):min(int64(cap(body.b)), body.room)])
		body.b = body.b[:len(b)]
		if int64(len(b)) > r.o.MaxBodyBytes {
			return r.errBody()
		}
		switch {
		case errors.Is(err, io.EOF):
			if more := body.held - body.room; more > 0 {
				r.inflight.Release(more)
				body.held -= more
			}
			return nil
		case err != nil:
			return fmt.Errorf("read gzip body: %w: %w", tael.ErrInvalid, err)
		}
	}
}

// grow pays for size bytes and makes room for them.
func (r *Receiver) grow(body *buffer, p *part, size int64) error {
	size = min(size, r.o.MaxBodyBytes+1)
	if err := r.pay(body, size-p.room); err != nil {
		return err
	}
	p.room = max(p.room, size)
	if int64(cap(p.b)) < size {
		b := make([]byte, len(p.b), size)
		copy(b, p.b)
		p.b = b
	}
	return nil
}

// pay takes more bytes from the in-flight limit. A request that needs more than there is takes all, so that it can be taken when nothing else is.
func (r *Receiver) pay(body *buffer, more int64) error {
	more = min(more, r.o.MaxInflightBytes-body.held)
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
	if cap(body.b) > keepBuffer || cap(body.packed.b) > keepBuffer {
		return
	}
	*body = buffer{part: part{b: body.b[:0]}, packed: part{b: body.packed.b[:0]}}
	r.buffers.Put(body)
}

// errSlow is answered as retryable: the network may be better the next time.
var errSlow = errors.New("read body: it did not come within the limit")

// errEncoding is answered with 415.
var errEncoding = fmt.Errorf("%w: not understood", tael.ErrInvalid)
