package gen

import (
	"math/bits"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

const hexDigits = "0123456789abcdef"

// appendSpan appends the Span message of span j of a trace, without the field tag around it.
func (g *Generator) appendSpan(b []byte, s *shape, j int) []byte {
	sp := &s.spans[j]
	op := &g.cat.ops[sp.op]
	traceID, spanID := g.TraceID(s.trace), g.SpanID(s.trace, j)
	b = appendBytesField(b, fieldTraceID, traceID[:])
	b = appendBytesField(b, fieldSpanID, spanID[:])
	if sp.parent >= 0 {
		parent := g.SpanID(s.trace, int(sp.parent))
		b = appendBytesField(b, fieldParentID, parent[:])
	}
	b = append(b, op.head...)
	b = appendFixed64Field(b, fieldStart, sp.start)
	b = appendFixed64Field(b, fieldEnd, sp.end)
	b = append(b, op.constant...)
	r := rng{state: g.spanSeed(s.trace, j)}
	switch op.class {
	case classServer:
		b = g.appendServer(b, &r, op, sp)
	case classClient:
		b = g.appendClient(b, &r, op, sp)
	case classDB:
		b = g.appendDB(b, &r)
	case classLLM:
		b = g.appendLLM(b, &r, s.trace)
	case classTool:
		b = g.appendTool(b, &r)
	case classAgent:
		b = g.appendAgent(b, s.trace)
	}
	if j == 0 {
		b = appendString(b, fieldAttributes, "user.id", g.userID(s.trace))
		b = appendString(b, fieldAttributes, "session.id", g.sessionID(s.trace))
	}
	if sp.failed {
		b = g.appendFailure(b, &r, sp)
	}
	return b
}

func (g *Generator) spanSeed(trace, j int) uint64 {
	return mix(g.traceSeed(trace, domainSpan) + uint64(j)*golden)
}

func (g *Generator) appendServer(b []byte, r *rng, op *op, sp *spanShape) []byte {
	id := r.next()
	n := len(op.path) + 12
	b = appendStringHead(b, fieldAttributes, "url.path", n)
	b = append(b, op.path...)
	b = appendHex(b, id, 12)
	b = appendStringHead(b, fieldAttributes, "client.address", 11)
	b = appendAddress(b, uint32(r.next()))
	b = append(b, g.cat.userAgent[r.below(len(g.cat.userAgent))]...)
	b = g.appendStatus(b, r, sp)
	return appendInt(b, fieldAttributes, "http.request.body.size", int64(r.below(24_000)))
}

func (g *Generator) appendClient(b []byte, r *rng, op *op, sp *spanShape) []byte {
	host := services[op.target].name
	const scheme, domain = "https://", ".agents.svc:8443"
	n := len(scheme) + len(host) + len(domain) + len(op.path) + 12
	b = appendStringHead(b, fieldAttributes, "url.full", n)
	b = append(b, scheme...)
	b = append(b, host...)
	b = append(b, domain...)
	b = append(b, op.path...)
	b = appendHex(b, r.next(), 12)
	b = g.appendStatus(b, r, sp)
	return appendInt(b, fieldAttributes, "http.request.body.size", int64(r.below(24_000)))
}

func (g *Generator) appendStatus(b []byte, r *rng, sp *spanShape) []byte {
	if sp.failed {
		return append(b, g.cat.status[statusError]...)
	}
	// 200 mostly, then 201 and 404.
	kind := bits.TrailingZeros64(r.next()|4) & 3
	return append(b, g.cat.status[kind]...)
}

func (g *Generator) appendDB(b []byte, r *rng) []byte {
	b = appendStringHead(b, fieldAttributes, "network.peer.address", 11)
	b = appendAddress(b, uint32(r.below(12))*4+1)
	b = appendInt(b, fieldAttributes, "db.response.returned_rows", int64(r.below(1+r.below(400))))
	return appendBool(b, fieldAttributes, "db.prepared", r.below(4) != 0)
}

func (g *Generator) appendTool(b []byte, r *rng) []byte {
	b = appendStringHead(b, fieldAttributes, "gen_ai.tool.call.id", 29)
	b = append(b, "call_"...)
	b = appendHex(b, r.next(), 12)
	b = appendHex(b, r.next(), 12)
	b = appendInt(b, fieldAttributes, "thread.id", int64(140_000+r.below(64)))
	return appendDouble(b, fieldAttributes, "app.tool.score", float64(r.below(10_000))/10_000)
}

func (g *Generator) appendAgent(b []byte, trace int) []byte {
	b = appendString(b, fieldAttributes, "gen_ai.conversation.id", g.conversationID(trace))
	b = appendString(b, fieldAttributes, "app.order.id", g.orderID(trace))
	if trace > 0 && trace%64 == 0 {
		id, root := g.TraceID(trace-1), g.SpanID(trace-1, 0)
		b = appendTag(b, fieldLinks, protowire.BytesType)
		b = protowire.AppendVarint(b, 18+10)
		b = appendBytesField(b, fieldLinkTraceID, id[:])
		b = appendBytesField(b, fieldLinkSpanID, root[:])
	}
	return b
}

// appendLLM draws the lengths of the texts from a skewed distribution with means of 1050 and 650
// characters, so the two are 1700 together.
func (g *Generator) appendLLM(b []byte, r *rng, trace int) []byte {
	prompt := 150 + int(r.float()*r.float()*3600)
	completion := 100 + int(r.float()*r.float()*2200)
	b = appendStringHead(b, fieldAttributes, "gen_ai.response.id", 9+24)
	b = append(b, "chatcmpl-"...)
	b = appendHex(b, r.next(), 12)
	b = appendHex(b, r.next(), 12)
	b = append(b, g.cat.finish[r.below(2)]...)
	b = appendInt(b, fieldAttributes, "gen_ai.usage.input_tokens", int64(prompt/4+r.below(40)))
	b = appendInt(b, fieldAttributes, "gen_ai.usage.output_tokens", int64(completion/4+r.below(20)))
	b = appendString(b, fieldAttributes, "gen_ai.conversation.id", g.conversationID(trace))
	b = appendString(b, fieldAttributes, "session.id", g.sessionID(trace))
	b = appendStringHead(b, fieldAttributes, "gen_ai.prompt", prompt)
	b = g.words.appendText(b, r, prompt)
	b = appendStringHead(b, fieldAttributes, "gen_ai.completion", completion)
	return g.words.appendText(b, r, completion)
}

var failures = []struct{ exception, message string }{
	{"TimeoutError", "upstream did not answer within 30000 ms"},
	{"RateLimitError", "429 too many requests: tokens per minute exceeded"},
	{"ConnectionResetError", "connection reset by peer while reading the response body"},
	{"ValidationError", "field required: arguments.order_id"},
}

// appendFailure appends what the 3 % of spans that fail have: an error type, an exception event and
// the status.
func (g *Generator) appendFailure(b []byte, r *rng, sp *spanShape) []byte {
	f := failures[r.below(len(failures))]
	b = appendString(b, fieldAttributes, "error.type", f.exception)
	var room [1024]byte
	event := appendFixed64Field(room[:0], fieldEventTime, sp.end-(sp.end-sp.start)/16)
	event = appendStringField(event, fieldEventName, "exception")
	event = appendString(event, fieldEventAttributes, "exception.type", f.exception)
	event = appendString(event, fieldEventAttributes, "exception.message", f.message)
	stack := 380 + r.below(240)
	event = appendStringHead(event, fieldEventAttributes, "exception.stacktrace", stack)
	event = appendStack(event, r, stack)
	b = appendBytesField(b, fieldEvents, event)
	b = appendTag(b, fieldStatus, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(1+sizeVarint(len(f.message))+len(f.message)+2))
	b = appendStringField(b, fieldStatusMessage, f.message)
	return appendVarintField(b, fieldStatusCode, 2)
}

// appendStack appends n bytes that read like the frames of a stack trace.
func appendStack(b []byte, r *rng, n int) []byte {
	end := len(b) + n
	for len(b) < end {
		b = append(b, "  File \"/app/src/"...)
		b = append(b, services[r.below(len(services))].name...)
		b = append(b, "/handlers.py\", line "...)
		b = strconv.AppendInt(b, int64(20+r.below(900)), 10)
		b = append(b, ", in call_with_retry\n"...)
	}
	return b[:end]
}

// appendHex appends the first n hexadecimal digits of v.
func appendHex(b []byte, v uint64, n int) []byte {
	for range n {
		b = append(b, hexDigits[v>>60])
		v <<= 4
	}
	return b
}

// appendAddress appends an IPv4 address of 11 characters in 10.1.0.0/16.
func appendAddress(b []byte, v uint32) []byte {
	b = append(b, "10.1."...)
	third, fourth := 10+v%90, 100+v/90%150
	b = append(b, byte('0'+third/10), byte('0'+third%10), '.')
	return append(b, byte('0'+fourth/100), byte('0'+fourth/10%10), byte('0'+fourth%10))
}
