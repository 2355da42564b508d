package fragment

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/taeldb/tael"
)

// AppendOTLP adds the spans as an OTLP TracesData message, which is an ExportTraceServiceRequest as well. Spans of one resource and scope are
// together, in the order of their first spans.
func AppendOTLP(dst []byte, spans []tael.Span) []byte {
	for _, g := range gather(spans) {
		dst = appendMessage(dst, tagRequestResourceSpans, func(dst []byte) []byte {
			dst = appendBytes(dst, tagGroupResource, []byte(g.resource))
			return g.append(dst, spans)
		})
	}
	return dst
}

// AppendBody adds the spans as the Body of a Fragment and gives the resources that it names.
func AppendBody(dst []byte, spans []tael.Span) (body []byte, resources []Resource) {
	named := map[ResourceID]bool{}
	for _, g := range gather(spans) {
		r := Resource{ID: NewResourceID([]byte(g.resource)), Bytes: []byte(g.resource)}
		if !named[r.ID] {
			named[r.ID] = true
			resources = append(resources, r)
		}
		group := g.append(nil, spans)
		dst = append(dst, r.ID[:]...)
		dst = binary.AppendUvarint(dst, uint64(len(group)))
		dst = append(dst, group...)
	}
	return dst, resources
}

// NewResourceID is the id of a Resource message.
func NewResourceID(b []byte) ResourceID {
	sum := sha256.Sum256(b)
	return ResourceID(sum[:16])
}

// gathered is the spans of one resource, by scope.
type gathered struct {
	resource  string // the Resource message
	schemaURL string
	scopes    []*gatheredScope
}

type gatheredScope struct {
	fields string // of the ScopeSpans message, but for the spans
	spans  []int
}

// gather groups the spans by the content of their resources and scopes.
func gather(spans []tael.Span) []*gathered {
	type scopeKey struct {
		group  *gathered
		fields string
	}
	type pointers struct {
		resource *tael.Resource
		scope    *tael.Scope
	}
	var all []*gathered
	groups := map[[2]string]*gathered{}
	scopes := map[scopeKey]*gatheredScope{}
	known := map[pointers]*gatheredScope{} // most spans share them
	for i := range spans {
		s := &spans[i]
		at := known[pointers{s.Resource, s.Scope}]
		if at == nil {
			var url string
			if s.Resource != nil {
				url = s.Resource.SchemaURL
			}
			key := [2]string{string(appendResource(nil, s.Resource)), url}
			g := groups[key]
			if g == nil {
				g = &gathered{resource: key[0], schemaURL: url}
				groups[key] = g
				all = append(all, g)
			}
			of := scopeKey{g, string(appendScope(nil, s.Scope))}
			if at = scopes[of]; at == nil {
				at = &gatheredScope{fields: of.fields}
				scopes[of] = at
				g.scopes = append(g.scopes, at)
			}
			known[pointers{s.Resource, s.Scope}] = at
		}
		at.spans = append(at.spans, i)
	}
	return all
}

// append adds the fields of a ResourceSpans message but for its resource.
func (g *gathered) append(dst []byte, spans []tael.Span) []byte {
	for _, s := range g.scopes {
		dst = appendMessage(dst, tagGroupScopeSpans, func(dst []byte) []byte {
			dst = append(dst, s.fields...)
			for _, i := range s.spans {
				dst = appendMessage(dst, tagScopeSpansSpan, func(dst []byte) []byte { return appendSpan(dst, &spans[i]) })
			}
			return dst
		})
	}
	return appendText(dst, tagGroupSchemaURL, g.schemaURL)
}

// appendResource adds the fields of a Resource message.
func appendResource(dst []byte, r *tael.Resource) []byte {
	if r == nil {
		return dst
	}
	dst = appendPairs(dst, tagResourceAttribute, r.Attributes)
	return appendNumber(dst, tagResourceDropped, uint64(r.Dropped))
}

// appendScope adds the fields of a ScopeSpans message but for the spans.
func appendScope(dst []byte, s *tael.Scope) []byte {
	if s == nil {
		return dst
	}
	if s.Name != "" || s.Version != "" || len(s.Attributes) > 0 || s.Dropped != 0 {
		dst = appendMessage(dst, tagScopeSpansScope, func(dst []byte) []byte {
			dst = appendText(dst, tagScopeName, s.Name)
			dst = appendText(dst, tagScopeVersion, s.Version)
			dst = appendPairs(dst, tagScopeAttribute, s.Attributes)
			return appendNumber(dst, tagScopeDropped, uint64(s.Dropped))
		})
	}
	return appendText(dst, tagScopeSpansSchemaURL, s.SchemaURL)
}

// appendSpan adds the fields of a Span message.
func appendSpan(dst []byte, s *tael.Span) []byte {
	dst = appendBytes(dst, tagSpanTraceID, s.TraceID[:])
	dst = appendBytes(dst, tagSpanID, s.SpanID[:])
	dst = appendText(dst, tagSpanTraceState, s.TraceState)
	if !s.ParentSpanID.IsZero() {
		dst = appendBytes(dst, tagSpanParentID, s.ParentSpanID[:])
	}
	dst = appendText(dst, tagSpanName, s.Name)
	dst = appendNumber(dst, tagSpanKind, uint64(int64(s.Kind)))
	dst = appendFixed64(dst, tagSpanStart, s.Start)
	dst = appendFixed64(dst, tagSpanEnd, s.End)
	dst = appendPairs(dst, tagSpanAttribute, s.Attributes)
	dst = appendNumber(dst, tagSpanDroppedAttributes, uint64(s.DroppedAttributes))
	for i := range s.Events {
		dst = appendMessage(dst, tagSpanEvent, func(dst []byte) []byte { return appendEvent(dst, &s.Events[i]) })
	}
	dst = appendNumber(dst, tagSpanDroppedEvents, uint64(s.DroppedEvents))
	for i := range s.Links {
		dst = appendMessage(dst, tagSpanLink, func(dst []byte) []byte { return appendLink(dst, &s.Links[i]) })
	}
	dst = appendNumber(dst, tagSpanDroppedLinks, uint64(s.DroppedLinks))
	if s.Status != (tael.Status{}) {
		dst = appendMessage(dst, tagSpanStatus, func(dst []byte) []byte {
			dst = appendText(dst, tagStatusMessage, s.Status.Message)
			return appendNumber(dst, tagStatusCode, uint64(int64(s.Status.Code)))
		})
	}
	if s.Flags != 0 {
		dst = binary.AppendUvarint(dst, tagSpanFlags)
		dst = binary.LittleEndian.AppendUint32(dst, s.Flags)
	}
	return dst
}

func appendEvent(dst []byte, e *tael.Event) []byte {
	dst = appendFixed64(dst, tagEventTime, e.Time)
	dst = appendText(dst, tagEventName, e.Name)
	dst = appendPairs(dst, tagEventAttribute, e.Attributes)
	return appendNumber(dst, tagEventDropped, uint64(e.Dropped))
}

func appendLink(dst []byte, l *tael.Link) []byte {
	if !l.TraceID.IsZero() {
		dst = appendBytes(dst, tagLinkTraceID, l.TraceID[:])
	}
	if !l.SpanID.IsZero() {
		dst = appendBytes(dst, tagLinkSpanID, l.SpanID[:])
	}
	dst = appendText(dst, tagLinkTraceState, l.TraceState)
	dst = appendPairs(dst, tagLinkAttribute, l.Attributes)
	dst = appendNumber(dst, tagLinkDropped, uint64(l.Dropped))
	if l.Flags != 0 {
		dst = binary.LittleEndian.AppendUint32(append(dst, tagLinkFlags), l.Flags)
	}
	return dst
}

// appendText adds a string field, which is left out when it is empty.
func appendText(dst []byte, tag byte, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(dst, tag, s)
}

// appendBytes adds a length-delimited field.
func appendBytes(dst []byte, tag byte, b []byte) []byte {
	dst = binary.AppendUvarint(append(dst, tag), uint64(len(b)))
	return append(dst, b...)
}

// appendNumber adds a varint field, which is left out when it is zero.
func appendNumber(dst []byte, tag byte, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return binary.AppendUvarint(append(dst, tag), n)
}

// appendFixed64 adds a fixed64 field, which is left out when it is zero.
func appendFixed64(dst []byte, tag byte, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(append(dst, tag), n)
}
