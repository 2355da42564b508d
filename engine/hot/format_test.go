package hot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

func TestKeysAreGolden(t *testing.T) {
	id := tael.TraceID{0: 1, 15: 2}
	key := appendSpanKey(nil, "ab", id, sequenceOf(3, 4))
	for _, test := range []struct {
		name string
		key  []byte
		want string
	}{
		{"entry", key, "530261620100000000000000000000000000000200000003" + "00000004"},
		{"part", appendPartKey(bytes.Clone(key), 5), "530261620100000000000000000000000000000200000003" + "00000004" + "0005"},
		{"resource", appendResourceKey(nil, fragment.ResourceID{0: 7, 15: 8}), "5207000000000000000000000000000008"},
	} {
		if got := hex.EncodeToString(test.key); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	k, err := parseSpanKey(appendPartKey(bytes.Clone(key), 5))
	if err != nil || string(k.tenant) != "ab" || k.trace != id || k.sequence != 3<<32|4 || k.part != 5 {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestSegmentNames(t *testing.T) {
	for name, want := range map[string]struct {
		counter uint64
		suffix  string
		ok      bool
	}{
		"000000000000000a":         {10, "", true},
		"000000000000000a.dead":    {10, deadSuffix, true},
		"000000000000000a.damaged": {10, damageSuffix, true},
		"000000000000000A":         {},
		"00000000000000a":          {},
		"000000000000000a.other":   {},
		"+00000000000000a":         {},
		"":                         {},
	} {
		counter, suffix, ok := parseSegmentName(name)
		if ok != want.ok || ok && (counter != want.counter || suffix != want.suffix) {
			t.Errorf("%q: %d %q %v", name, counter, suffix, ok)
		}
	}
}

func FuzzParseSpanKey(f *testing.F) {
	key := appendSpanKey(nil, "default", tael.TraceID{1}, 1<<32|1)
	f.Add(key)
	f.Add(appendPartKey(bytes.Clone(key), 3))
	f.Add([]byte{signalSpans})
	f.Add([]byte{signalSpans, 255})
	f.Fuzz(func(t *testing.T, key []byte) {
		k, err := parseSpanKey(key)
		if err != nil {
			if !errors.Is(err, tael.ErrDamaged) {
				t.Errorf("not classed: %v", err)
			}
			return
		}
		again := appendSpanKey(nil, string(k.tenant), k.trace, k.sequence)
		if k.part > 0 {
			again = appendPartKey(again, k.part)
		}
		if !bytes.Equal(again, key) {
			t.Errorf("%x comes back as %x", key, again)
		}
	})
}

func FuzzParseHighWater(f *testing.F) {
	f.Add([]byte(highWaterMagic))
	f.Add(make([]byte, highWaterBytes))
	dir := f.TempDir()
	h, err := createHighWater(dir)
	if err != nil {
		f.Fatal(err)
	}
	if err := h.advance(77); err != nil {
		f.Fatal(err)
	}
	if err := h.close(); err != nil {
		f.Fatal(err)
	}
	if n, err := readHighWater(dir); n != 77 || err != nil {
		f.Fatalf("77 comes back as %d, %v", n, err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseHighWater(b); err != nil && !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("not classed: %v", err)
		}
	})
}

func FuzzWalkLog(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 100))
	f.Add(append(make([]byte, logHeader), metaTxn, 0, 9, 1, 0, 1, 2, 3))
	f.Add(append(make([]byte, logHeader), 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0))
	f.Fuzz(func(t *testing.T, log []byte) {
		ext := walkLog(log)
		if ext.end > int64(len(log)) || ext.entries < 0 || ext.entries > len(log) {
			t.Errorf("%+v of %d bytes", ext, len(log))
		}
		if ext.end > 0 && walkLog(log[:ext.end]) != ext {
			t.Errorf("cut at its end the log ends elsewhere: %+v, %+v", ext, walkLog(log[:ext.end]))
		}
	})
}
