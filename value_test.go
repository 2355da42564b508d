package tael_test

import (
	"math"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestValuesKeepTheirType(t *testing.T) {
	nan := math.Float64frombits(0x7ff8_0000_0000_beef)
	raw := []byte("bytes")
	b := tael.Bytes(raw)
	raw[0] = 'X'
	for _, c := range []struct {
		v    tael.Value
		kind tael.Kind
		ok   bool
	}{
		{tael.Value{}, tael.KindEmpty, true},
		{tael.String("x"), tael.KindString, tael.String("x").AsString() == "x"},
		{tael.Int(math.MinInt64), tael.KindInt, tael.Int(math.MinInt64).AsInt() == math.MinInt64},
		{tael.Double(nan), tael.KindDouble, math.Float64bits(tael.Double(nan).AsDouble()) == math.Float64bits(nan)},
		{tael.Bool(true), tael.KindBool, tael.Bool(true).AsBool() && !tael.Bool(false).AsBool()},
		{b, tael.KindBytes, b.AsString() == "bytes"},
		{tael.Array([]tael.Value{tael.Int(1)}), tael.KindArray, len(tael.Array([]tael.Value{tael.Int(1)}).AsArray()) == 1},
		{tael.Map([]tael.KeyValue{{Key: "k"}}), tael.KindMap, tael.Map([]tael.KeyValue{{Key: "k"}}).AsMap()[0].Key == "k"},
	} {
		if c.v.Kind() != c.kind || !c.ok {
			t.Errorf("%v: kind %d, want %d", c.v, c.v.Kind(), c.kind)
		}
	}
}

func TestValueEqual(t *testing.T) {
	different := []tael.Value{
		{}, tael.String(""), tael.String("1"), tael.Int(0), tael.Int(1), tael.Double(0), tael.Double(math.Copysign(0, -1)), tael.Double(math.NaN()), tael.Bool(false), tael.Bool(true),
		tael.Bytes(nil), tael.Bytes([]byte("1")), tael.Array(nil), tael.Array([]tael.Value{{}}), tael.Array([]tael.Value{tael.Int(1)}), tael.Map(nil),
		tael.Map([]tael.KeyValue{{Key: "a"}}), tael.Map([]tael.KeyValue{{Key: "b"}}), tael.Map([]tael.KeyValue{{Key: "a", Value: tael.Int(1)}}),
	}
	for i, a := range different {
		for j, b := range different {
			if a.Equal(b) != (i == j) {
				t.Errorf("%d and %d: equal is %t", i, j, a.Equal(b))
			}
		}
	}
	one, two := storetest.NewRand(3), storetest.NewRand(3)
	for range 200 {
		if a, b := storetest.RandomValue(one, 3), storetest.RandomValue(two, 3); !a.Equal(b) {
			t.Fatalf("%v is not equal to its twin %v", a, b)
		}
	}
}

func TestAttributeLooksInOrder(t *testing.T) {
	kv := func(n int64) []tael.KeyValue {
		return []tael.KeyValue{{Key: "k", Value: tael.Int(n)}, {Key: "k", Value: tael.Int(-n)}}
	}
	s := tael.Span{}
	if _, ok := s.Attribute("k"); ok {
		t.Error("a span without anything has k")
	}
	s.Scope = &tael.Scope{Attributes: kv(3)}
	s.Resource = &tael.Resource{}
	for want := int64(3); want > 0; want-- {
		if v, ok := s.Attribute("k"); !ok || v.AsInt() != want {
			t.Errorf("got %v %t, want %d", v, ok, want)
		}
		if want == 3 {
			s.Resource.Attributes = kv(2)
		} else {
			s.Attributes = kv(1)
		}
	}
}

func TestServiceName(t *testing.T) {
	for want, kvs := range map[string][]tael.KeyValue{
		"cart":              {{Key: "service.name", Value: tael.String("cart")}},
		tael.UnknownService: {{Key: "service.name", Value: tael.Int(7)}},
	} {
		if got := (&tael.Resource{Attributes: kvs}).ServiceName(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	var none *tael.Resource
	if got := none.ServiceName(); got != tael.UnknownService {
		t.Errorf("no resource: got %q", got)
	}
	if got := (&tael.Span{Start: 5, End: 3}).Duration(); got != 0 {
		t.Errorf("duration of a span that ends before it starts: %d", got)
	}
}
