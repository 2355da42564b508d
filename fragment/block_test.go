package fragment

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/taeldb/tael"
)

// goldenFragments are two fragments of one trace. They never change.
func goldenFragments() []*Fragment {
	span := func(n byte, code tael.StatusCode) tael.Span {
		return tael.Span{TraceID: tael.TraceID{0: 1, 15: 2}, SpanID: tael.SpanID{7: n}, Name: "chat", Kind: tael.SpanKindClient, Start: 1_700_000_000_000_000_000 + uint64(n),
			End: 1_700_000_000_000_000_500, Status: tael.Status{Code: code}, Attributes: []tael.KeyValue{{Key: "gen_ai.system", Value: tael.String("openai")}},
			Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("shop")}}}, Scope: &tael.Scope{Name: "lib"}}
	}
	one, _ := AppendBody(nil, []tael.Span{span(1, 0), span(2, tael.StatusError)})
	two, _ := AppendBody(nil, []tael.Span{span(3, 0)})
	return []*Fragment{
		{TraceID: tael.TraceID{0: 1, 15: 2}, Body: one, Terms: []uint64{TermService("shop"), TermKind(3), TermStatus(0), TermStatus(2), TermAttribute("gen_ai.system", "openai")},
			Header: Header{Spans: 2, Errors: 1, MinStart: 1_700_000_000_000_000_001, MaxStart: 1_700_000_000_000_000_002, MaxEnd: 1_700_000_000_000_000_500, MaxDuration: 499}},
		{TraceID: tael.TraceID{0: 1, 15: 2}, Body: two, Terms: []uint64{TermService("shop"), TermKind(3), TermStatus(0), TermAttribute("gen_ai.system", "openai")},
			Header: Header{Spans: 1, MinStart: 1_700_000_000_000_000_003, MaxStart: 1_700_000_000_000_000_003, MaxEnd: 1_700_000_000_000_000_500, MaxDuration: 497}},
	}
}

// otherFragment is one of another trace. It never changes.
func otherFragment() *Fragment {
	f := goldenFragments()[1]
	f.TraceID = tael.TraceID{0: 9}
	f.Header.Errors, f.Header.MaxDuration = 1, 77
	return f
}

func newBlock(entries ...[]*Fragment) []byte {
	var w BlockWriter
	for _, fs := range entries {
		w.Add(fs)
	}
	return w.AppendBlock(nil)
}

// Blocks and entries that an earlier release wrote are read as they were meant. The bytes of a new one may differ, because compressors get better; to
// make the fixture anew set TAEL_TEST_GOLDEN=1, which is right only with a new version of the format.
func TestBlockGolden(t *testing.T) {
	path := filepath.Join("testdata", "block-v2.bin")
	if os.Getenv("TAEL_TEST_GOLDEN") == "1" {
		if err := os.WriteFile(path, newBlock(goldenFragments(), []*Fragment{otherFragment()}), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name    string
		entries [][]*Fragment
	}{
		{"entry-v1.bin", [][]*Fragment{goldenFragments()}},
		{"block-v2.bin", [][]*Fragment{goldenFragments(), {otherFragment()}}},
	} {
		stored, err := os.ReadFile(filepath.Join("testdata", test.name))
		if err != nil {
			t.Fatal(err)
		}
		checkBlock(t, stored, test.entries...)
	}
}

func checkBlock(t *testing.T, stored []byte, entries ...[]*Fragment) {
	t.Helper()
	before := []Entry{{Length: 1}}
	b, err := ReadBlock(stored, entries[0][0].TraceID, before)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Entries) != 1+len(entries) || b.Entries[0].Length != 1 {
		t.Fatalf("%d entries, want those that were there and %d", len(b.Entries), len(entries))
	}
	for _, dst := range [][]byte{nil, make([]byte, 3), make([]byte, 0, 1<<20)} {
		bodies, err := b.Bodies(dst)
		if err != nil {
			t.Fatal(err)
		}
		for i, fs := range entries {
			checkEntry(t, &b.Entries[1+i], bodies, fs)
		}
	}
}

func checkEntry(t *testing.T, e *Entry, bodies []byte, fs []*Fragment) {
	t.Helper()
	var header Header
	var body []byte
	terms := map[uint64]bool{}
	for _, f := range fs {
		header.Add(f.Header)
		body = append(body, f.Body...)
		for _, term := range f.Terms {
			terms[term] = true
			if !FilterHas(e.Filter, term) {
				t.Errorf("term %x is not in the filter", term)
			}
		}
	}
	if e.TraceID != fs[0].TraceID {
		t.Errorf("trace %s, want %s", e.TraceID, fs[0].TraceID)
	}
	if e.Header != header {
		t.Errorf("header %+v, want %+v", e.Header, header)
	}
	if len(e.Filter) != FilterLen(len(terms), DefaultFilterBits) {
		t.Errorf("filter of %d terms has %d bytes", len(terms), len(e.Filter))
	}
	if got := e.Body(bodies); !bytes.Equal(got, body) {
		t.Errorf("body %x, want %x", got, body)
	}
}

func TestBlocksOfLoad(t *testing.T) {
	r := newRand(t)
	p := cutAll(t, agentRequests(t, 3000))
	byTrace := map[tael.TraceID][]*Fragment{}
	for _, f := range p.fragments {
		byTrace[f.TraceID] = append(byTrace[f.TraceID], f)
	}
	joined := 0
	var entries [][]*Fragment
	var w BlockWriter
	buffer := []byte("before")
	check := func() {
		buffer = w.AppendBlock(buffer[:6])
		if string(buffer[:6]) != "before" {
			t.Fatal("what was there before is gone")
		}
		checkBlock(t, buffer[6:], entries...)
		entries = entries[:0]
		if w.Len() > 0 {
			t.Fatal("a block is begun with the bodies of the one before")
		}
	}
	for _, fs := range byTrace {
		w.Add(fs)
		entries = append(entries, fs)
		if len(fs) > 1 {
			joined++
		}
		if r.IntN(8) == 0 {
			check()
			w.Shrink(r.IntN(100_000))
		}
	}
	if len(entries) > 0 {
		check()
	}
	if joined == 0 {
		t.Fatal("no trace is in two requests: the test tests little")
	}
}

// Many terms are more than what the stack has room for.
func TestEntryOfManyTerms(t *testing.T) {
	r := newRand(t)
	fs := []*Fragment{{Header: Header{Spans: 1}}, {Header: Header{Spans: 1}}}
	for range 5000 {
		term := r.Uint64()
		fs[0].Terms, fs[1].Terms = append(fs[0].Terms, term), append(fs[1].Terms, term)
	}
	checkBlock(t, newBlock(fs), fs)
}

func TestBlockDamage(t *testing.T) {
	old, err := os.ReadFile(filepath.Join("testdata", "entry-v1.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, whole := range [][]byte{newBlock(goldenFragments(), []*Fragment{otherFragment()}), old} {
		for at := range whole {
			b := bytes.Clone(whole)
			b[at] ^= 0x10
			_, err := ReadBlock(b, tael.TraceID{}, nil)
			if at == 0 {
				if !errors.Is(err, tael.ErrNewer) {
					t.Errorf("version %d: %v", b[0], err)
				}
			} else if !errors.Is(err, tael.ErrDamaged) {
				t.Errorf("byte %d changed: %v", at, err)
			}
			if _, err := ReadBlock(whole[:at], tael.TraceID{}, nil); !errors.Is(err, tael.ErrDamaged) {
				t.Errorf("%d bytes: %v", at, err)
			}
			// A right checksum does not make the rest right.
			if at > checksumStart {
				short := bytes.Clone(whole[:at])
				putChecksum(short)
				if b, err := ReadBlock(short, tael.TraceID{}, nil); err == nil {
					_, err = b.Bodies(nil)
					if !errors.Is(err, tael.ErrDamaged) {
						t.Errorf("%d bytes with a right checksum: %v", at, err)
					}
				}
			}
		}
		if _, err := ReadBlock(append([]byte{0}, whole[1:]...), tael.TraceID{}, nil); !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("version 0: %v", err)
		}
	}
	for _, packed := range [][]byte{nil, {0xff}, {0xff, 0xff, 0xff, 0xff, 0x0f, 0}, {5, 0, 1}} {
		if _, err := (Block{Packed: packed}).Bodies(nil); !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("bodies %x: %v", packed, err)
		}
	}
}

func FuzzBlock(f *testing.F) {
	old, err := os.ReadFile(filepath.Join("testdata", "entry-v1.bin"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(old, true)
	f.Add(newBlock(goldenFragments(), []*Fragment{otherFragment()}), true)
	f.Add(newBlock(), false)
	f.Fuzz(func(t *testing.T, b []byte, repair bool) {
		b = bytes.Clone(b)
		if repair && len(b) > checksumStart {
			putChecksum(b)
		}
		block, err := ReadBlock(b, tael.TraceID{}, nil)
		if err != nil {
			if !errors.Is(err, tael.ErrDamaged) && !errors.Is(err, tael.ErrNewer) {
				t.Fatal(err)
			}
			return
		}
		bodies, err := block.Bodies(nil)
		if err != nil && !errors.Is(err, tael.ErrDamaged) {
			t.Fatal(err)
		}
		for i := range block.Entries {
			e := &block.Entries[i]
			FilterHas(e.Filter, 1)
			if err == nil {
				e.Body(bodies)
			}
		}
	})
}
