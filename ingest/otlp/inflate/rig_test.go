package inflate

import (
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
)

// unpack unpacks with more room each time: step bytes more, or twice as much if that is 0.
func unpack(t testing.TB, d *Decoder, packed []byte, step int) ([]byte, error) {
	d.Reset(packed)
	var b []byte
	for {
		room := len(b) + step
		if step == 0 {
			room = max(64, 2*len(b))
		}
		next := append(make([]byte, 0, room), b...)
		// What lies behind the room must stay as it is.
		after := append(next[:room:room], "behind"...)
		got, err := d.Append(after[:len(b):room])
		if len(got) > room || !bytes.Equal(got[:len(b)], b) || string(after[room:]) != "behind" {
			t.Fatalf("%d bytes in a room of %d, or others were changed", len(got), room)
		}
		if b = got; err != nil {
			return b, err
		}
		if len(b) < room {
			t.Fatalf("asks for more room with %d bytes in %d", len(b), room)
		}
	}
}

// randomBytes makes some of which parts come again, near and far.
func randomBytes(r *rand.Rand) []byte {
	var b []byte
	n := r.IntN(1 << r.IntN(18))
	for len(b) < n {
		switch k := r.IntN(6); {
		case k == 0 || len(b) == 0:
			for range 1 + r.IntN(40) {
				b = append(b, byte(r.Uint32()))
			}
		case k == 1:
			b = append(b, bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(600))...)
		case k == 2: // some bytes are much rarer than others, so that their codes are long
			for range r.IntN(4000) {
				b = append(b, byte(r.ExpFloat64()*6))
			}
		default:
			at := len(b) - 1 - r.IntN(min(len(b), 1+r.IntN(40_000)))
			for range 1 + r.IntN(1+r.IntN(400)) {
				b = append(b, b[at])
				at++
			}
		}
	}
	return b
}

func deflated(t testing.TB, b []byte, level int) []byte {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	write(t, z, b)
	return out.Bytes()
}

func gzipped(t testing.TB, b []byte, level int) []byte {
	var out bytes.Buffer
	z, err := stdgzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	write(t, z, b)
	return out.Bytes()
}

func write(t testing.TB, z io.WriteCloser, b []byte) {
	t.Helper()
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// member is a gzip member around deflated bytes.
func member(deflated, unpacked []byte) []byte {
	b := append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}, deflated...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(unpacked))
	return binary.LittleEndian.AppendUint32(b, uint32(len(unpacked)))
}

// compare lets the standard library judge deflated bytes that may be anything.
func compare(t testing.TB, d *Decoder, body []byte, step int) {
	t.Helper()
	src := bytes.NewReader(body)
	want, wantErr := io.ReadAll(flate.NewReader(src))
	if wantErr == nil {
		got, err := unpack(t, d, member(body[:len(body)-src.Len()], want), step)
		if !errors.Is(err, io.EOF) || errors.Is(err, ErrCorrupt) || !bytes.Equal(got, want) {
			t.Fatalf("%x, step %d: %d bytes and %v, want %d bytes", body, step, len(got), err, len(want))
		}
		return
	}
	got, err := unpack(t, d, member(body, nil)[:10+len(body)], step)
	if !errors.Is(err, ErrCorrupt) || d.in == inTrailer || d.in == inHeader {
		t.Fatalf("%x, step %d: %v, want %v", body, step, err, wantErr)
	}
	if n := min(len(got), len(want)); !bytes.Equal(got[:n], want[:n]) {
		t.Fatalf("%x, step %d: other bytes before the error %v", body, step, err)
	}
}
