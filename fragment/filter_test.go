package fragment

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// Filters are stored: this one never changes.
func TestFilterGolden(t *testing.T) {
	terms := []uint64{1, 1 << 63, 0x0123456789abcdef, TermService("checkout")}
	const want = "00090400000108010000824000009200504000002000030000100800080800010100000001000000010000000100000001000000010000000100000001000000"
	if got := hex.EncodeToString(AppendFilter(nil, terms, 100)); got != want {
		t.Errorf("filter is %s, want %s", got, want)
	}
}

func TestFilter(t *testing.T) {
	r := newRand(t)
	for _, n := range []int{0, 1, 10, 100, 10_000} {
		terms := make([]uint64, n)
		for i := range terms {
			terms[i] = r.Uint64()
		}
		filter := AppendFilter([]byte("before"), terms, DefaultFilterBits)
		if string(filter[:6]) != "before" || len(filter)-6 != FilterLen(n, DefaultFilterBits) {
			t.Fatalf("%d terms: %d bytes", n, len(filter))
		}
		filter = filter[6:]
		for _, term := range terms {
			if !FilterHas(filter, term) {
				t.Fatalf("%d terms: %x is not there", n, term)
			}
		}
		wrong := 0
		for range 10_000 {
			if FilterHas(filter, r.Uint64()) {
				wrong++
			}
		}
		if wrong > 250 || n == 0 && wrong > 0 {
			t.Errorf("%d terms: %d of 10000 others are there", n, wrong)
		}
	}
}

func TestFilterMatches(t *testing.T) {
	filter := AppendFilter(nil, []uint64{11 << 32, 22 << 32}, 64)
	for _, c := range []struct {
		filter []byte
		terms  [][]uint64
		want   bool
	}{
		{filter, nil, true},
		{filter, [][]uint64{{11 << 32}, {22 << 32}}, true},
		{filter, [][]uint64{{0xdeadbeef12345678, 22 << 32}}, true},
		{filter, [][]uint64{{11 << 32}, {0xdeadbeef12345678}}, false},
		{filter, [][]uint64{{}}, false},
		{nil, [][]uint64{{1}}, true},
		{filter[:7], [][]uint64{{1}}, true},
	} {
		if got := FilterMatches(c.filter, c.terms); got != c.want {
			t.Errorf("%x: %t", c.terms, got)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), 10)
	f.Add([]byte{}, -3)
	f.Fuzz(func(t *testing.T, b []byte, bits int) {
		var terms []uint64
		for i := 0; i+8 <= len(b); i += 8 {
			terms = append(terms, binary.LittleEndian.Uint64(b[i:]))
		}
		filter := AppendFilter(nil, terms, bits%64)
		for _, term := range terms {
			if !FilterHas(filter, term) {
				t.Fatalf("%x is not in the filter of %x", term, terms)
			}
			FilterHas(b, term) // any bytes may be asked
		}
	})
}
