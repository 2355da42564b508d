package loadgen

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/taeldb/tael/bench/gen"
)

// spoolHeader is before each payload in a spool file: sizes of body and raw body, spans, refs, gzip.
const spoolHeader = 4 * 5

// maxPayload bounds what a damaged header can make the reader allocate.
const maxPayload = 256 << 20

// Spool makes all payloads of a load now and writes them to a file at path, for loads that do not fit
// in memory. The file is replaced if it is there; the caller removes it.
func Spool(path string, g *gen.Generator, compress bool) (Source, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("prepare a load: %w", err)
	}
	err = writeSpool(f, Stream(g, compress))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("prepare a load in %s: %w", path, err)
	}
	return spool(path), nil
}

func writeSpool(f io.Writer, src Source) error {
	w := bufio.NewWriterSize(f, 1<<20)
	for p, err := range src.Payloads() {
		if err != nil {
			return err
		}
		var b []byte
		compressed := uint32(0)
		if p.Gzip {
			compressed = 1
		}
		for _, v := range []uint32{uint32(len(p.Body)), uint32(p.Raw), uint32(p.Spans), uint32(len(p.Refs)), compressed} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		for _, r := range p.Refs {
			b = binary.LittleEndian.AppendUint32(b, r.Trace)
			b = append(b, r.Span)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		if _, err := w.Write(p.Body); err != nil {
			return err
		}
	}
	return w.Flush()
}

type spool string

func (s spool) Payloads() iter.Seq2[Payload, error] {
	return func(yield func(Payload, error) bool) {
		f, err := os.Open(string(s))
		if err != nil {
			yield(Payload{}, fmt.Errorf("read a prepared load: %w", err))
			return
		}
		defer func() {
			// It was only read, so there is nothing that closing could lose.
			_ = f.Close()
		}()
		r := bufio.NewReaderSize(f, 1<<20)
		for {
			p, err := readPayload(r)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = fmt.Errorf("read a prepared load from %s: %w", string(s), err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// readPayload reads the next payload; io.EOF says that there is none.
func readPayload(r io.Reader) (Payload, error) {
	var head [spoolHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Payload{}, err
	}
	field := func(i int) int { return int(binary.LittleEndian.Uint32(head[4*i:])) }
	if field(0) > maxPayload || field(3) > maxPayload/8 {
		return Payload{}, fmt.Errorf("a payload of %d bytes and %d spans: the file is damaged", field(0), field(3))
	}
	refs := make([]byte, field(3)*5)
	p := Payload{Body: make([]byte, field(0)), Raw: field(1), Spans: field(2), Gzip: field(4) == 1, Refs: make([]gen.Ref, field(3))}
	for _, b := range [][]byte{refs, p.Body} {
		if _, err := io.ReadFull(r, b); err != nil {
			// The end of the file is only good between payloads.
			return Payload{}, fmt.Errorf("the file is cut short: %w", noEOF(err))
		}
	}
	for i := range p.Refs {
		p.Refs[i] = gen.Ref{Trace: binary.LittleEndian.Uint32(refs[5*i:]), Span: refs[5*i+4]}
	}
	return p, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
