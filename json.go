package tael

import (
	"encoding/base64"
	"encoding/hex"
)

// JSONEncoder writes spans as the JSON of the REST API. It remembers resources and scopes by their pointers, which the spans of an answer
// share, so it is made for one answer. Not safe for concurrent use.
//
// A span is an object with these fields; those marked ? are left out when they are empty or zero:
//
//	trace_id, span_id, parent_span_id?   lower-case hex; a root has no parent
//	service, operation                   the resource's service.name, the span's name
//	start_time, end_time                 RFC 3339, UTC, always nine digits of a second
//	duration_ms                          number, exact to the nanosecond
//	status, status_message?              "ok", "error", "unset"; another code is its number as text
//	kind                                 "internal", "server", "client", "producer", "consumer", "unspecified"; another is its number as text
//	attributes                           object
//	events                               list of name, timestamp, attributes, dropped_attributes_count?
//	links                                list of trace_id, span_id, trace_state?, flags?, attributes, dropped_attributes_count?
//	resource                             object of attributes
//	resource_schema_url?, resource_dropped_attributes_count?
//	scope                                name, version, attributes, schema_url?, dropped_attributes_count?
//	trace_state?, flags?, dropped_attributes_count?, dropped_events_count?, dropped_links_count?
//
// Attribute values keep their JSON types: string, number, true or false, list, object. An integer beyond 2^53 either way is a string of its
// digits, because most readers of JSON would round it. A double always has a point or an exponent, so that it is told from an
// integer; NaN and the infinities are "NaN", "Infinity" and "-Infinity". Bytes are {"bytes": "<base64>"}; an empty value is null. Of several attributes
// with one key the first is written, which is the one that filters test. Text that is not UTF-8 has U+FFFD for each wrong byte. The
// OTLP form of a trace has none of these limits.
type JSONEncoder struct {
	resources map[*Resource]resourceJSON
	scopes    map[*Scope][]byte
}

// resourceJSON is the part of a span's object that comes from its resource.
type resourceJSON struct {
	service []byte // quoted
	fields  []byte // from "resource" on, with a comma before
}

// NewJSONEncoder makes an encoder for one answer.
func NewJSONEncoder() *JSONEncoder {
	return &JSONEncoder{resources: map[*Resource]resourceJSON{}, scopes: map[*Scope][]byte{}}
}

// AppendJSON appends one span as JSON to dst. For more than one, see JSONEncoder.
func AppendJSON(dst []byte, s *Span) []byte { return NewJSONEncoder().AppendSpan(dst, s) }

// AppendSpan appends a span as JSON to dst.
func (e *JSONEncoder) AppendSpan(dst []byte, s *Span) []byte {
	r := e.resource(s.Resource)
	dst = appendID(append(dst, `{"trace_id":"`...), s.TraceID[:])
	dst = appendID(append(dst, `","span_id":"`...), s.SpanID[:])
	if !s.ParentSpanID.IsZero() {
		dst = appendID(append(dst, `","parent_span_id":"`...), s.ParentSpanID[:])
	}
	dst = append(append(dst, `","service":`...), r.service...)
	dst = appendText(append(dst, `,"operation":`...), s.Name)
	dst = appendTime(append(dst, `,"start_time":"`...), s.Start)
	dst = appendTime(append(dst, `","end_time":"`...), s.End)
	dst = appendMillis(append(dst, `","duration_ms":`...), s.Duration())
	dst = append(appendStatus(append(dst, `,"status":"`...), s.Status.Code), '"')
	if s.Status.Message != "" {
		dst = appendText(append(dst, `,"status_message":`...), s.Status.Message)
	}
	dst = append(appendKind(append(dst, `,"kind":"`...), s.Kind), '"')
	dst = appendAttributes(append(dst, `,"attributes":`...), s.Attributes)
	dst = appendEvents(append(dst, `,"events":`...), s.Events)
	dst = appendLinks(append(dst, `,"links":`...), s.Links)
	dst = append(dst, r.fields...)
	dst = append(dst, e.scope(s.Scope)...)
	if s.TraceState != "" {
		dst = appendText(append(dst, `,"trace_state":`...), s.TraceState)
	}
	dst = appendCount(dst, `,"flags":`, s.Flags)
	dst = appendCount(dst, `,"dropped_attributes_count":`, s.DroppedAttributes)
	dst = appendCount(dst, `,"dropped_events_count":`, s.DroppedEvents)
	dst = appendCount(dst, `,"dropped_links_count":`, s.DroppedLinks)
	return append(dst, '}')
}

// AppendSpans appends a list of spans as JSON to dst.
func (e *JSONEncoder) AppendSpans(dst []byte, spans []Span) []byte {
	dst = append(dst, '[')
	for i := range spans {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.AppendSpan(dst, &spans[i])
	}
	return append(dst, ']')
}

func (e *JSONEncoder) resource(r *Resource) resourceJSON {
	if known, ok := e.resources[r]; ok {
		return known
	}
	out := resourceJSON{service: appendText(nil, r.ServiceName())}
	out.fields = append(out.fields, `,"resource":`...)
	if r == nil {
		out.fields = append(out.fields, `{}`...)
	} else {
		out.fields = appendAttributes(out.fields, r.Attributes)
		if r.SchemaURL != "" {
			out.fields = appendText(append(out.fields, `,"resource_schema_url":`...), r.SchemaURL)
		}
		out.fields = appendCount(out.fields, `,"resource_dropped_attributes_count":`, r.Dropped)
	}
	e.resources[r] = out
	return out
}

func (e *JSONEncoder) scope(s *Scope) []byte {
	if known, ok := e.scopes[s]; ok {
		return known
	}
	of := Scope{}
	if s != nil {
		of = *s
	}
	out := appendText([]byte(`,"scope":{"name":`), of.Name)
	out = appendText(append(out, `,"version":`...), of.Version)
	out = appendAttributes(append(out, `,"attributes":`...), of.Attributes)
	if of.SchemaURL != "" {
		out = appendText(append(out, `,"schema_url":`...), of.SchemaURL)
	}
	out = append(appendCount(out, `,"dropped_attributes_count":`, of.Dropped), '}')
	e.scopes[s] = out
	return out
}

func appendEvents(dst []byte, events []Event) []byte {
	dst = append(dst, '[')
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		v := &events[i]
		dst = appendText(append(dst, `{"name":`...), v.Name)
		dst = appendTime(append(dst, `,"timestamp":"`...), v.Time)
		dst = appendAttributes(append(dst, `","attributes":`...), v.Attributes)
		dst = append(appendCount(dst, `,"dropped_attributes_count":`, v.Dropped), '}')
	}
	return append(dst, ']')
}

func appendLinks(dst []byte, links []Link) []byte {
	dst = append(dst, '[')
	for i := range links {
		if i > 0 {
			dst = append(dst, ',')
		}
		l := &links[i]
		dst = appendID(append(dst, `{"trace_id":"`...), l.TraceID[:])
		dst = append(appendID(append(dst, `","span_id":"`...), l.SpanID[:]), '"')
		if l.TraceState != "" {
			dst = appendText(append(dst, `,"trace_state":`...), l.TraceState)
		}
		dst = appendCount(dst, `,"flags":`, l.Flags)
		dst = appendAttributes(append(dst, `,"attributes":`...), l.Attributes)
		dst = append(appendCount(dst, `,"dropped_attributes_count":`, l.Dropped), '}')
	}
	return append(dst, ']')
}

func appendID(dst, id []byte) []byte { return hex.AppendEncode(dst, id) }

// appendBytes writes {"bytes": "<base64>"}.
func appendBytes(dst []byte, raw string) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, `{"bytes":"`...), []byte(raw))
	return append(dst, `"}`...)
}
