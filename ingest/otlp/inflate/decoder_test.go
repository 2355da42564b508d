package inflate

import (
	"bytes"
	stdgzip "compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
)

func TestUnpacksWhatOthersPacked(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var d Decoder
	var whole Reader
	for i := range 300 {
		b := randomBytes(r)
		var out bytes.Buffer
		level := r.IntN(12) - 2
		if i%2 == 0 {
			out.Write(gzipped(t, b, level))
		} else {
			z, err := gzip.NewWriterLevel(&out, r.IntN(13)-3)
			if err != nil {
				t.Fatal(err)
			}
			for rest := b; len(rest) > 0; { // flushes make empty stored blocks
				n := 1 + r.IntN(len(rest))
				if _, err := z.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				if rest = rest[n:]; r.IntN(4) == 0 {
					if err := z.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []int{0, 1 + r.IntN(5000), len(b) + Slack} {
			if len(b)/max(step, 1) > 1000 {
				continue
			}
			got, err := unpack(t, &d, out.Bytes(), step)
			if !errors.Is(err, io.EOF) || errors.Is(err, ErrCorrupt) || !bytes.Equal(got, b) {
				t.Fatalf("stream %d, step %d: %d bytes and %v, want %d", i, step, len(got), err, len(b))
			}
		}
		if got := d.Size(); got != int64(len(b)) {
			t.Fatalf("stream %d says to be of %d bytes, not %d", i, got, len(b))
		}
		whole.Reset(out.Bytes())
		if got, err := io.ReadAll(iotest.HalfReader(&whole)); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("stream %d, read: %d bytes and %v, want %d", i, len(got), err, len(b))
		}
	}
}

func TestWhatIsDamagedIsToldAsTheStandardLibraryDoes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var d Decoder
	for range 300 {
		b := randomBytes(r)
		if b = b[:min(len(b), 1+r.IntN(3000))]; len(b) == 0 {
			continue
		}
		body := deflated(t, b, r.IntN(12)-2)
		for range 60 {
			damaged := slices.Clone(body)
			for range 1 + r.IntN(3) {
				// Most of what can be wrong is in the head of a block.
				at := r.IntN(1 + r.IntN(len(damaged)))
				damaged[at] ^= 1 << r.IntN(8)
			}
			compare(t, &d, damaged, []int{0, 1 + r.IntN(700)}[r.IntN(2)])
		}
	}
}

func TestEveryTornStreamIsToldAsTorn(t *testing.T) {
	var d Decoder
	r := rand.New(rand.NewPCG(3, 0))
	b := randomBytes(r)
	for len(b) < 2000 {
		b = append(b, randomBytes(r)...)
	}
	for _, level := range []int{0, 1, 6, -2} {
		packed := gzipped(t, b[:2000], level)
		for n := range packed {
			for _, step := range []int{0, 3000} {
				if _, err := unpack(t, &d, packed[:n], step); !errors.Is(err, ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("level %d, %d of %d bytes: %v", level, n, len(packed), err)
				}
			}
		}
	}
}

func TestMembers(t *testing.T) {
	var d Decoder
	text := strings.Repeat("the same text ", 100)
	var out bytes.Buffer
	for i := range 3 {
		z := stdgzip.NewWriter(&out)
		if i == 1 {
			z.Name, z.Comment, z.Extra = "name", "comment", []byte("extra")
		}
		write(t, z, []byte(text))
	}
	got, err := unpack(t, &d, out.Bytes(), 0)
	if !errors.Is(err, io.EOF) || string(got) != text+text+text {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	// A member must not reach into the one before it: the fixed codes of length 3 and distance 1, with nothing before.
	head := append([]byte{0x1f, 0x8b, 8, hasHeaderCRC, 0, 0, 0, 0, 0, 255}, 0, 0)
	binary.LittleEndian.PutUint16(head[10:], uint16(crc32.ChecksumIEEE(head[:10])))
	reaching := append(slices.Clone(out.Bytes()), head...)
	reaching = append(reaching, 0x03, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, step := range []int{0, 9000} {
		if _, err := unpack(t, &d, reaching, step); err == nil || !strings.Contains(err.Error(), "corrupt: distance") {
			t.Fatalf("step %d: %v", step, err)
		}
	}
	for i := range 12 { // each of these is looked at
		damaged := slices.Clone(reaching)
		damaged[out.Len()+i] ^= 0x80
		if _, err := unpack(t, &d, damaged, 0); err == nil || !strings.Contains(err.Error(), "header") {
			t.Fatalf("byte %d of the header: %v", i, err)
		}
	}
	packed := gzipped(t, []byte(text), 6)
	for i := len(packed) - 8; i < len(packed); i++ {
		damaged := slices.Clone(packed)
		damaged[i] ^= 1
		if _, err := unpack(t, &d, damaged, 0); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	if _, err := unpack(t, &d, append(packed, 0), 0); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("something behind: %v", err)
	}
}

// TestLostHistory is about a caller that does not give what he got before: an error, and no other bytes.
func TestLostHistory(t *testing.T) {
	b := bytes.Repeat([]byte("0123456789abcdef"), 100)
	var d Decoder
	d.Reset(gzipped(t, b, 6))
	if _, err := d.Append(make([]byte, 0, 500)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(make([]byte, 0, 500)); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}

func FuzzDecoder(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 0))
	for level := -2; level < 10; level++ {
		b := randomBytes(r)
		f.Add(deflated(f, b[:min(len(b), 500)], level), uint16(level+2))
	}
	f.Fuzz(func(t *testing.T, body []byte, step uint16) {
		var d Decoder
		if len(body) > 1<<12 {
			return
		}
		compare(t, &d, body, 0)
		compare(t, &d, body, 100+int(step))
	})
}

func BenchmarkDecoder(b *testing.B) {
	var text []byte
	r := rand.New(rand.NewPCG(1, 0))
	for len(text) < 384<<10 {
		text = fmt.Appendf(text, "span %x of service-%d took %d ns\n", r.Uint64(), r.IntN(20), r.IntN(1e6))
	}
	packed := gzipped(b, text, 6)
	out := make([]byte, 0, len(text)+Slack)
	b.Run("this", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		var d Decoder
		for b.Loop() {
			d.Reset(packed)
			if got, err := d.Append(out); len(got) != len(text) || !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
		}
	})
	b.Run("klauspost", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		var z gzip.Reader
		for b.Loop() {
			if err := z.Reset(bytes.NewReader(packed)); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(&z, out[:len(text)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
