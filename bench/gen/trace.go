package gen

import "time"

// Trace is what one trace of the load holds.
type Trace struct {
	Index int
	ID    [16]byte
	Spans []Span // a parent comes before its children; Spans[0] is the root

	UserID         string // user.id on the root
	SessionID      string // session.id on the root and on the model calls
	OrderID        string // app.order.id on the second span
	ConversationID string // gen_ai.conversation.id on the second span and on the model calls
}

// Span is what one span of the load holds, without the attributes that only fill it.
type Span struct {
	ID, ParentID [8]byte // ParentID is zero for the root
	Name         string
	Service      string // service.name of its resource
	Kind         int    // as in OTLP: 1 internal, 2 server, 3 client
	Start, End   time.Time
	Failed       bool   // status is error, with an exception event
	Model        string // gen_ai.request.model, empty unless the span is a model call
	Provider     string // gen_ai.provider.name, likewise
}

// Trace answers what trace i holds, at the price of making it.
func (g *Generator) Trace(i int) Trace {
	var s shape
	s.draw(g, i)
	t := Trace{
		Index: i, ID: g.TraceID(i), Spans: make([]Span, s.n),
		UserID: g.userID(i), SessionID: g.sessionID(i), OrderID: g.orderID(i), ConversationID: g.conversationID(i),
	}
	for j := range t.Spans {
		sp := &s.spans[j]
		op := &g.cat.ops[sp.op]
		out := &t.Spans[j]
		*out = Span{
			ID: g.SpanID(i, j), Name: op.name, Service: services[op.service].name, Kind: int(classKind[op.class]),
			Start: time.Unix(0, int64(sp.start)).UTC(), End: time.Unix(0, int64(sp.end)).UTC(), Failed: sp.failed,
		}
		if sp.parent >= 0 {
			out.ParentID = t.Spans[sp.parent].ID
		}
		if op.class == classLLM {
			out.Model, out.Provider = models[op.model].request, models[op.model].provider
		}
	}
	return t
}
