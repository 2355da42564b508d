package fragment

import (
	"fmt"
	"slices"
	"testing"

	"github.com/taeldb/tael"
)

// Terms are in stored filters: these never change.
func TestTermsGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		got  uint64
		want uint64
	}{
		{"service", TermService("checkout"), 0x1a295ef5c38171f8},
		{"status", TermStatus(2), 0xff31227dbff35cc7},
		{"kind", TermKind(-1), 0x6147c1aa7fd69db4},
		{"trace", TermTrace(tael.TraceID{0: 1, 15: 2}), 0x3a3568e3e17b9c52},
		{"attribute", TermAttribute("gen_ai.system", "openai"), 0xff329e502403bd6a},
		{"empty attribute", TermAttribute("", ""), 0x9d08a4553be0b478},
		{"long attribute", TermAttribute("k", string(make([]byte, 256))), 0xfc67c23adc884a3f},
		{"other", TermOther("gen_ai.cost"), 0xa4861f863fe2055b},
	} {
		if c.got != c.want {
			t.Errorf("%s: %#016x, want %#016x", c.name, c.got, c.want)
		}
	}
}

func TestRowTerms(t *testing.T) {
	long := string(make([]byte, MaxTermText+1))
	span := tael.Span{Kind: 3, Status: tael.Status{Code: 2}, Attributes: []tael.KeyValue{
		{Key: "s", Value: tael.String("v")}, {Key: "i", Value: tael.Int(-5)}, {Key: "b", Value: tael.Bool(true)}, {Key: "d", Value: tael.Double(1)},
		{Key: "long", Value: tael.String(long)}, {Key: "y", Value: tael.Bytes([]byte("v"))}, {Key: "a", Value: tael.Array(nil)}, {Key: "m", Value: tael.Map(nil)},
		{Key: "empty", Value: tael.Value{}},
	}, Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("shop")}}},
		Scope: &tael.Scope{Attributes: []tael.KeyValue{{Key: "scope", Value: tael.String("x")}}}}
	want := []uint64{TermKind(3), TermStatus(2), TermAttribute("s", "v"), TermAttribute("i", "-5"), TermAttribute("b", "true"), TermOther("d"), TermOther("long"),
		TermOther("y"), TermOther("a"), TermOther("m"), TermService("shop"), TermAttribute("service.name", "shop"), TermAttribute("scope", "x")}
	slices.Sort(want)
	err := rowsOf([]tael.Span{span}, func(r *Row) error {
		cached := r.AppendTerms(nil)
		resource := *r.Resource
		resource.terms = nil
		bare := *r
		bare.Resource, bare.scopeTerms = &resource, nil
		for _, got := range [][]uint64{cached, bare.AppendTerms(nil)} {
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("terms %x, want %x", got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilterTerms(t *testing.T) {
	match := func(s string) tael.AttributeMatch {
		m, err := tael.ParseMatch(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	code, kind := tael.StatusError, tael.SpanKindClient
	for _, c := range []struct {
		filter tael.Filter
		want   [][]uint64
	}{
		{tael.Filter{From: 1, To: 2, Operation: "x", MinDuration: 5, SpanID: tael.SpanID{1}}, nil},
		{tael.Filter{Service: "s", Status: &code, Kind: &kind}, [][]uint64{{TermService("s")}, {TermStatus(2)}, {TermKind(3)}}},
		{tael.Filter{Attributes: []tael.AttributeMatch{match("k=v"), match("k!=v"), match("k>1"), match("k~=v"), match("k=~v")}}, [][]uint64{{TermAttribute("k", "v")}}},
		{tael.Filter{Attributes: []tael.AttributeMatch{match("k=1")}}, [][]uint64{{TermAttribute("k", "1"), TermOther("k")}}},
		{tael.Filter{Attributes: []tael.AttributeMatch{match("k=1.0")}}, [][]uint64{{TermAttribute("k", "1.0"), TermAttribute("k", "1"), TermOther("k")}}},
		{tael.Filter{Attributes: []tael.AttributeMatch{match("k=true")}}, [][]uint64{{TermAttribute("k", "true")}}},
		{tael.Filter{Attributes: []tael.AttributeMatch{match("k=" + string(make([]byte, MaxTermText+1)))}}, [][]uint64{{TermOther("k")}}},
	} {
		if got := FilterTerms(&c.filter); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v: %x, want %x", c.filter, got, c.want)
		}
	}
}
