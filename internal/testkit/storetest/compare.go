package storetest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/taeldb/tael"
)

// Diff names the first difference between two spans, sequences left out; "" when there is none.
func Diff(got, want *tael.Span) string {
	type field struct {
		name      string
		got, want any
	}
	for _, f := range []field{
		{"trace id", got.TraceID, want.TraceID}, {"span id", got.SpanID, want.SpanID}, {"parent span id", got.ParentSpanID, want.ParentSpanID},
		{"trace state", got.TraceState, want.TraceState}, {"flags", got.Flags, want.Flags}, {"name", got.Name, want.Name}, {"kind", got.Kind, want.Kind},
		{"start", got.Start, want.Start}, {"end", got.End, want.End}, {"status", got.Status, want.Status},
		{"dropped attributes", got.DroppedAttributes, want.DroppedAttributes}, {"dropped events", got.DroppedEvents, want.DroppedEvents},
		{"dropped links", got.DroppedLinks, want.DroppedLinks}, {"events", len(got.Events), len(want.Events)}, {"links", len(got.Links), len(want.Links)},
		{"resource there", got.Resource != nil, true}, {"scope there", got.Scope != nil, true},
	} {
		if f.got != f.want {
			return fmt.Sprintf("%s: got %v, want %v", f.name, f.got, f.want)
		}
	}
	if d := diffAttributes("attributes", got.Attributes, want.Attributes); d != "" {
		return d
	}
	for i := range want.Events {
		g, w := got.Events[i], want.Events[i]
		if g.Time != w.Time || g.Name != w.Name || g.Dropped != w.Dropped {
			return fmt.Sprintf("event %d: got %+v, want %+v", i, g, w)
		}
		if d := diffAttributes(fmt.Sprintf("event %d", i), g.Attributes, w.Attributes); d != "" {
			return d
		}
	}
	for i := range want.Links {
		g, w := got.Links[i], want.Links[i]
		if g.TraceID != w.TraceID || g.SpanID != w.SpanID || g.TraceState != w.TraceState || g.Dropped != w.Dropped || g.Flags != w.Flags {
			return fmt.Sprintf("link %d: got %+v, want %+v", i, g, w)
		}
		if d := diffAttributes(fmt.Sprintf("link %d", i), g.Attributes, w.Attributes); d != "" {
			return d
		}
	}
	gr, wr := got.Resource, want.Resource
	if gr.Dropped != wr.Dropped || gr.SchemaURL != wr.SchemaURL {
		return fmt.Sprintf("resource: got %+v, want %+v", gr, wr)
	}
	gs, ws := got.Scope, want.Scope
	if gs.Name != ws.Name || gs.Version != ws.Version || gs.Dropped != ws.Dropped || gs.SchemaURL != ws.SchemaURL {
		return fmt.Sprintf("scope: got %+v, want %+v", gs, ws)
	}
	if d := diffAttributes("resource", gr.Attributes, wr.Attributes); d != "" {
		return d
	}
	return diffAttributes("scope", gs.Attributes, ws.Attributes)
}

// diffAttributes names the first difference. The order of attributes means nothing in OTLP, and the cold tier keeps it only between values of
// one key and within a type.
func diffAttributes(where string, got, want []tael.KeyValue) string {
	got, want = byKey(got), byKey(want)
	if len(got) != len(want) {
		return fmt.Sprintf("%s: got %d attributes %v, want %d %v", where, len(got), got, len(want), want)
	}
	for i := range want {
		if got[i].Key != want[i].Key || !got[i].Value.Equal(want[i].Value) {
			return fmt.Sprintf("%s: attribute %d: got %q %v, want %q %v", where, i, got[i].Key, got[i].Value, want[i].Key, want[i].Value)
		}
	}
	return ""
}

func byKey(kvs []tael.KeyValue) []tael.KeyValue {
	return slices.SortedStableFunc(slices.Values(kvs), func(a, b tael.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
}

// DiffSpans names the first difference between two lists of spans, order included.
func DiffSpans(got, want []tael.Span) string {
	for i := range min(len(got), len(want)) {
		if g, w := got[i].Identity(), want[i].Identity(); g != w {
			return fmt.Sprintf("span %d of %d: got %s/%s/%d, want %s/%s/%d", i, len(want), g.TraceID, g.SpanID, g.Kind, w.TraceID, w.SpanID, w.Kind)
		}
		if d := Diff(&got[i], &want[i]); d != "" {
			return fmt.Sprintf("span %d (%s/%s): %s", i, want[i].TraceID, want[i].SpanID, d)
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("got %d spans, want %d", len(got), len(want))
	}
	return ""
}

// diffSummary names the difference between two summaries.
func diffSummary(got, want tael.TraceSummary) string {
	if got.TraceID != want.TraceID || got.RootService != want.RootService || got.RootOperation != want.RootOperation || got.Start != want.Start ||
		got.End != want.End || got.Spans != want.Spans || got.Errors != want.Errors || !slices.Equal(got.Services, want.Services) {
		return fmt.Sprintf("trace %s: got %+v, want %+v", want.TraceID, got, want)
	}
	return ""
}
