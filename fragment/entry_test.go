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

// An entry that an earlier release wrote is read as it was meant. The bytes of a new one may differ, because compressors get better; to
// make the fixture anew set TAEL_TEST_GOLDEN=1, which is right only with a new version of the format.
func TestEntryGolden(t *testing.T) {
	path := filepath.Join("testdata", "entry-v1.bin")
	fs := goldenFragments()
	if os.Getenv("TAEL_TEST_GOLDEN") == "1" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, AppendEntry(nil, fs), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkEntry(t, stored, fs)
}

func checkEntry(t *testing.T, stored []byte, fs []*Fragment) {
	t.Helper()
	e, err := ReadEntry(stored)
	if err != nil {
		t.Fatal(err)
	}
	var header Header
	var body []byte
	for _, f := range fs {
		header.Add(f.Header)
		body = append(body, f.Body...)
		for _, term := range f.Terms {
			if !FilterHas(e.Filter, term) {
				t.Errorf("term %x is not in the filter", term)
			}
		}
	}
	if e.Header != header {
		t.Errorf("header %+v, want %+v", e.Header, header)
	}
	for _, dst := range [][]byte{nil, make([]byte, 3), make([]byte, 0, 1<<20)} {
		if got, err := e.Body(dst); err != nil || !bytes.Equal(got, body) {
			t.Errorf("body %x, want %x: %v", got, body, err)
		}
	}
}

func TestEntryOfLoad(t *testing.T) {
	p := cutAll(t, agentRequests(t, 3000))
	byTrace := map[tael.TraceID][]*Fragment{}
	for _, f := range p.fragments {
		byTrace[f.TraceID] = append(byTrace[f.TraceID], f)
	}
	joined := 0
	buffer := []byte("before")
	for _, fs := range byTrace {
		buffer = AppendEntry(buffer[:6], fs)
		if string(buffer[:6]) != "before" {
			t.Fatal("what was there before is gone")
		}
		checkEntry(t, buffer[6:], fs)
		if len(fs) > 1 {
			joined++
		}
		terms := map[uint64]bool{}
		for _, f := range fs {
			for _, term := range f.Terms {
				terms[term] = true
			}
		}
		if e, _ := ReadEntry(buffer[6:]); len(e.Filter) != FilterLen(len(terms), DefaultFilterBits) {
			t.Fatalf("filter of %d terms has %d bytes", len(terms), len(e.Filter))
		}
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
	b := AppendEntry(nil, fs)
	checkEntry(t, b, fs)
	if e, _ := ReadEntry(b); len(e.Filter) != FilterLen(5000, DefaultFilterBits) {
		t.Fatalf("the filter has %d bytes", len(e.Filter))
	}
}

func TestEntryDamage(t *testing.T) {
	whole := AppendEntry(nil, goldenFragments())
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		_, err := ReadEntry(b)
		if at == 0 {
			if !errors.Is(err, tael.ErrNewer) {
				t.Errorf("version %d: %v", b[0], err)
			}
		} else if !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("byte %d changed: %v", at, err)
		}
		if _, err := ReadEntry(whole[:at]); !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("%d bytes: %v", at, err)
		}
	}
	if _, err := ReadEntry(append([]byte{0}, whole[1:]...)); !errors.Is(err, tael.ErrDamaged) {
		t.Errorf("version 0: %v", err)
	}
	for _, packed := range [][]byte{nil, {0xff}, {0xff, 0xff, 0xff, 0xff, 0x0f, 0}, {5, 0, 1}} {
		if _, err := (Entry{Packed: packed}).Body(nil); !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("body %x: %v", packed, err)
		}
	}
}

func FuzzEntry(f *testing.F) {
	f.Add(AppendEntry(nil, goldenFragments()), true)
	f.Add(AppendEntry(nil, nil), false)
	f.Fuzz(func(t *testing.T, b []byte, repair bool) {
		b = bytes.Clone(b)
		if repair && len(b) > entryFixed {
			putChecksum(b)
		}
		e, err := ReadEntry(b)
		if err != nil {
			if !errors.Is(err, tael.ErrDamaged) && !errors.Is(err, tael.ErrNewer) {
				t.Fatal(err)
			}
			return
		}
		FilterHas(e.Filter, 1)
		if _, err := e.Body(nil); err != nil && !errors.Is(err, tael.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
