package gen

// Users, orders, sessions and conversations join traces. Each user and each order belongs to two
// traces far apart in time (i and i + half of all), so that a search for one has exactly two
// answers; a session is four traces in a row, a conversation two.

func (g *Generator) half() int { return (g.traces + 1) / 2 }

func (g *Generator) userID(i int) string {
	return string(appendHex([]byte("user-"), g.traceSeed(i%g.half(), domainUser), 16))
}

func (g *Generator) orderID(i int) string {
	return string(appendHex([]byte("ord-"), g.traceSeed(i%g.half(), domainOrder), 16))
}

func (g *Generator) sessionID(i int) string {
	return string(appendHex([]byte("sess-"), g.traceSeed(i/4, domainSession), 16))
}

func (g *Generator) conversationID(i int) string {
	return string(appendHex([]byte("conv-"), g.traceSeed(i/2, domainConversation), 16))
}

// SameUser gives the traces, in order, that have the user.id and the app.order.id of trace i: two of
// them, or one where the load has an odd number of traces. user.id is on the root span; app.order.id
// on the agent's span, the second of the trace.
func (g *Generator) SameUser(i int) []int {
	first := i % g.half()
	if second := first + g.half(); second < g.traces {
		return []int{first, second}
	}
	return []int{first}
}
