package faultstore

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Call is one call of the store, as told to the hooks.
type Call struct {
	Op  string
	Key string // or the prefix of a list
	// N counts the calls of this operation since the store was made, from 1.
	N int
	// Err is how the call ended; only set after it.
	Err error
}

// Store is an objstore.Store with faults. Without any it changes nothing.
type Store struct {
	inner objstore.Store

	mu     sync.Mutex
	rules  []*Rule
	calls  map[string]int
	before func(context.Context, Call) error
	after  func(Call)
}

var _ objstore.Store = (*Store)(nil)

// New wraps inner, which Close closes.
func New(inner objstore.Store) *Store {
	return &Store{inner: inner, calls: make(map[string]int)}
}

// Inject adds a fault. Of several that apply to a call the one added first wins; the others count the call as well.
func (s *Store) Inject(f Fault) *Rule {
	r := &Rule{fault: f, lifted: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
	return r
}

// Remove takes a fault away; calls that stall by it go on. Removing twice is no error.
func (s *Store) Remove(r *Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.rules, r); i >= 0 {
		s.rules = slices.Delete(s.rules, i, i+1)
		close(r.lifted)
	}
}

// Clear takes all faults away: the store is well again.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		close(r.lifted)
	}
	s.rules = nil
}

// Before has fn called before each operation, outside any lock; an error of fn is the answer, and nothing is done. After
// has fn called when the operation has ended, with Call.Err. nil removes a hook. A test kills itself in them, counts
// or waits.
func (s *Store) Before(fn func(context.Context, Call) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = fn
}

// After is explained at Before.
func (s *Store) After(fn func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = fn
}

// Calls is how often an operation was called.
func (s *Store) Calls(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// begin counts a call, calls the hook, finds the rule that applies and carries out what can be done before the
// operation. It returns an error when the call must end here. end is to be called with the final error in any case.
func (s *Store) begin(ctx context.Context, op, key string) (rule *Rule, end func(error), err error) {
	s.mu.Lock()
	s.calls[op]++
	call := Call{Op: op, Key: key, N: s.calls[op]}
	before, after := s.before, s.after
	for _, r := range s.rules {
		if r.applies(op, key) && rule == nil {
			rule = r
		}
	}
	s.mu.Unlock()
	end = func(err error) {
		if after != nil {
			call.Err = err
			after(call)
		}
	}
	if before != nil {
		if err := before(ctx, call); err != nil {
			return nil, end, err
		}
	}
	if rule == nil {
		return nil, end, nil
	}
	switch rule.kind() {
	case Fail, Full:
		return rule, end, rule.err(op, key)
	case Stall:
		return nil, end, rule.stall(ctx, op, key)
	}
	return rule, end, nil
}

// is reports whether a rule that may be nil is of one of the kinds.
func (r *Rule) is(kinds ...Kind) bool { return r != nil && slices.Contains(kinds, r.kind()) }

// Get may fail, tear, be missing, lose its reply, or give half the bytes or garbage.
func (s *Store) Get(ctx context.Context, key string) (data []byte, err error) {
	rule, end, err := s.begin(ctx, objstore.OpGet, key)
	defer func() { end(err) }()
	if err != nil {
		return nil, err
	}
	return spoil(rule, objstore.OpGet, key, func() ([]byte, error) { return s.inner.Get(ctx, key) })
}

// GetRange is spoilt as Get is.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (data []byte, err error) {
	rule, end, err := s.begin(ctx, objstore.OpGetRange, key)
	defer func() { end(err) }()
	if err != nil {
		return nil, err
	}
	return spoil(rule, objstore.OpGetRange, key, func() ([]byte, error) { return s.inner.GetRange(ctx, key, off, n) })
}

// spoil does what a rule does to a read.
func spoil(rule *Rule, op, key string, read func() ([]byte, error)) ([]byte, error) {
	if rule.is(Missing) {
		return nil, rule.err(op, key)
	}
	data, err := read()
	if err != nil || rule == nil {
		return data, err
	}
	switch rule.kind() {
	case Truncate:
		return data[:len(data)/2], nil
	case Garbage:
		return garbage(key, len(data)), nil
	default:
		return nil, rule.err(op, key)
	}
}

// garbage returns n bytes that depend on the key only.
func garbage(key string, n int) []byte {
	out := make([]byte, n)
	state := uint64(14695981039346656037)
	for _, c := range []byte(key) {
		state = (state ^ uint64(c)) * 1099511628211
	}
	for i := range out {
		state = state*6364136223846793005 + 1442695040888963407
		out[i] = byte(state >> 56)
	}
	return out
}

// Stat may fail, be missing, or tell half the size.
func (s *Store) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	rule, end, err := s.begin(ctx, objstore.OpStat, key)
	defer func() { end(err) }()
	switch {
	case err != nil:
		return objstore.Info{}, err
	case rule != nil && !rule.is(Truncate):
		return objstore.Info{}, rule.err(objstore.OpStat, key)
	}
	info, err = s.inner.Stat(ctx, key)
	if rule != nil {
		info.Size /= 2
	}
	return info, err
}

// List may fail, end half-way with or without an error, or be empty.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		rule, end, err := s.begin(ctx, objstore.OpList, prefix)
		defer func() { end(err) }()
		switch {
		case err != nil:
			yield(objstore.Info{}, err)
			return
		case rule == nil:
			for info, ierr := range s.inner.List(ctx, prefix) {
				err = ierr
				if !yield(info, ierr) {
					return
				}
			}
			return
		case rule.is(Missing):
			return
		}
		var all []objstore.Info
		if rule.is(Tear, TearVisible, Truncate) {
			for info, ierr := range s.inner.List(ctx, prefix) {
				if err = ierr; err != nil {
					yield(info, err)
					return
				}
				all = append(all, info)
			}
		}
		for _, info := range all[:len(all)/2] {
			if !yield(info, nil) {
				return
			}
		}
		if !rule.is(Truncate) {
			err = rule.err(objstore.OpList, prefix)
			yield(objstore.Info{}, err)
		}
	}
}

// Close closes the store below. Stalled calls end only by their context or by Clear.
func (s *Store) Close() error { return s.inner.Close() }
