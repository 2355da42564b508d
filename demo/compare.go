package main

import (
	"cmp"
	"fmt"
	"slices"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// sameSpan says how a span that came back is not the one that was sent, "" if it is. The order of attributes has no meaning in OTLP.
func sameSpan(got, want sentSpan) string {
	for _, part := range []struct {
		name      string
		got, want proto.Message
	}{
		{"span", got.span, want.span},
		{"resource", got.resource, want.resource},
		{"scope", got.scope, want.scope},
	} {
		g, w := plain(part.got), plain(part.want)
		if !proto.Equal(g, w) {
			return fmt.Sprintf("%s came back as %s, sent was %s", part.name, short(g), short(w))
		}
	}
	if got.resourceURL != want.resourceURL || got.scopeURL != want.scopeURL {
		return fmt.Sprintf("schema URLs %q, %q, sent were %q, %q", got.resourceURL, got.scopeURL, want.resourceURL, want.scopeURL)
	}
	return ""
}

// plain is a copy in which what means the same is the same: attributes in the order of their keys, and no status for an empty one.
func plain(m proto.Message) proto.Message {
	m = proto.Clone(m)
	sortAttributes(m)
	if s, ok := m.(*tracev1.Span); ok && proto.Size(s.GetStatus()) == 0 {
		s.Status = nil
	}
	return m
}

// short is a message in one line of bounded length.
func short(m proto.Message) string {
	text := protojson.MarshalOptions{}.Format(m)
	return text[:min(len(text), 1000)]
}

// sortAttributes orders the attributes of a span, its events and links, of a resource or of a scope by key.
func sortAttributes(m proto.Message) {
	byKey := func(kvs []*common.KeyValue) {
		slices.SortStableFunc(kvs, func(a, b *common.KeyValue) int { return cmp.Compare(a.GetKey(), b.GetKey()) })
	}
	if m, ok := m.(interface{ GetAttributes() []*common.KeyValue }); ok {
		byKey(m.GetAttributes())
	}
	if s, ok := m.(*tracev1.Span); ok {
		for _, e := range s.GetEvents() {
			byKey(e.GetAttributes())
		}
		for _, l := range s.GetLinks() {
			byKey(l.GetAttributes())
		}
	}
}
