// Package faultstore wraps a real objstore.Store with faults that a test scripts: the object store that is down, slow,
// full, damaged, or that loses its answers. It is deterministic: faults count calls, and no clock or chance decides.
package faultstore

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Kind is what goes wrong.
type Kind string

// The kinds of fault.
const (
	// Fail answers with an error and does nothing.
	Fail Kind = "fail"
	// Full is Fail with objstore.ErrFull.
	Full Kind = "full"
	// Stall waits until the context of the call is done or the fault is lifted (Remove, Clear); lifted, the call goes on.
	Stall Kind = "stall"
	// LostReply does everything and then answers with an error.
	LostReply Kind = "lost reply"
	// Tear stops half-way and answers with an error. A write has sent half of its bytes and nothing becomes visible; a
	// list has yielded half of its entries; a read fails after half was transferred.
	Tear Kind = "tear"
	// TearVisible leaves half of the bytes visible under the key and answers with an error: a store that breaks its
	// promise. Only for writes; else like Tear.
	TearVisible Kind = "tear visible"
	// Truncate answers a read with the first half of the bytes and no error; Stat tells half the size. Writes and lists are
	// cut silently too. Delete silently does nothing.
	Truncate Kind = "truncate"
	// Garbage answers a read with as many bytes that are not the object's and no error. Else like Fail.
	Garbage Kind = "garbage"
	// Missing answers objstore.ErrNotFound, or an empty list, whatever is there. Writes are like Fail.
	Missing Kind = "missing"
)

// Kinds returns every kind, for tests that try them all.
func Kinds() []Kind {
	return []Kind{Fail, Full, Stall, LostReply, Tear, TearVisible, Truncate, Garbage, Missing}
}

// Ops returns every operation of a store that can be given a fault.
func Ops() []string {
	return []string{objstore.OpGet, objstore.OpGetRange, objstore.OpPut, objstore.OpPutIfAbsent, objstore.OpDelete,
		objstore.OpList, objstore.OpStat}
}

// Fault says which calls go wrong and how. The zero value of a field means any.
type Fault struct {
	// Op is one of the objstore.Op constants; empty for every operation.
	Op string
	// Key is a part of the key (or of the prefix of a list); empty for every key.
	Key string
	// First is the first matching call that fails, counted from 1 since the fault was added; 0 is 1.
	First int
	// Count is how many matching calls fail from First on; 0 is all of them.
	Count int
	// Kind is what happens; Fail if empty.
	Kind Kind
	// Err is the error to answer with; empty is an *objstore.Error of the class ErrUnavailable (ErrFull for Full).
	Err error
}

// Rule is a fault that was added to a Store.
type Rule struct {
	fault  Fault
	calls  atomic.Int64
	hits   atomic.Int64
	lifted chan struct{} // closed when the rule is removed
}

// Calls is how many calls matched operation and key so far, whether they failed or not.
func (r *Rule) Calls() int { return int(r.calls.Load()) }

// Hits is how many calls went wrong by this rule, those that still stall included.
func (r *Rule) Hits() int { return int(r.hits.Load()) }

// applies counts a call and says whether it fails.
func (r *Rule) applies(op, key string) bool {
	if r.fault.Op != "" && r.fault.Op != op || !strings.Contains(key, r.fault.Key) {
		return false
	}
	n := int(r.calls.Add(1))
	first := max(1, r.fault.First)
	if n < first || r.fault.Count > 0 && n >= first+r.fault.Count {
		return false
	}
	r.hits.Add(1)
	return true
}

func (r *Rule) kind() Kind {
	if r.fault.Kind == "" {
		return Fail
	}
	return r.fault.Kind
}

// err is the answer of the rule to a call.
func (r *Rule) err(op, key string) error {
	if r.fault.Err != nil {
		return r.fault.Err
	}
	class := objstore.ErrUnavailable
	switch r.kind() {
	case Full:
		class = objstore.ErrFull
	case Missing:
		if op == objstore.OpGet || op == objstore.OpGetRange || op == objstore.OpStat {
			class = objstore.ErrNotFound
		}
	}
	return &objstore.Error{Op: op, Object: "fault://" + key, Class: class,
		Cause: fmt.Errorf("injected fault %q, call %d", r.kind(), r.calls.Load())}
}

// stall waits until the rule is lifted (nil) or ctx is done.
func (r *Rule) stall(ctx context.Context, op, key string) error {
	select {
	case <-r.lifted:
		return nil
	case <-ctx.Done():
		return &objstore.Error{Op: op, Object: "fault://" + key, Cause: ctx.Err()}
	}
}
