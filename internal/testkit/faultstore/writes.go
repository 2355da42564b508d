package faultstore

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Put may fail, tear, be cut, or lose its reply.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (size int64, err error) {
	rule, end, err := s.begin(ctx, objstore.OpPut, key)
	defer func() { end(err) }()
	if err != nil {
		return 0, err
	}
	if rule == nil {
		return s.inner.Put(ctx, key, r)
	}
	if rule.is(Garbage, Missing) {
		return 0, rule.err(objstore.OpPut, key)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return 0, fmt.Errorf("faultstore: read the data to put: %w", err)
	}
	err = s.spoiltPut(ctx, rule, objstore.OpPut, key, data, func(data []byte) error {
		_, err := s.inner.Put(ctx, key, bytes.NewReader(data))
		return err
	})
	if err != nil {
		return 0, err
	}
	return int64(len(data)), nil
}

// PutIfAbsent is spoilt as Put is.
func (s *Store) PutIfAbsent(ctx context.Context, key string, data []byte) (err error) {
	rule, end, err := s.begin(ctx, objstore.OpPutIfAbsent, key)
	defer func() { end(err) }()
	if err != nil {
		return err
	}
	put := func(data []byte) error { return s.inner.PutIfAbsent(ctx, key, data) }
	switch {
	case rule == nil:
		return put(data)
	case rule.is(Garbage, Missing):
		return rule.err(objstore.OpPutIfAbsent, key)
	default:
		return s.spoiltPut(ctx, rule, objstore.OpPutIfAbsent, key, data, put)
	}
}

func (s *Store) spoiltPut(ctx context.Context, rule *Rule, op, key string, data []byte, put func([]byte) error) error {
	half := data[:len(data)/2]
	switch rule.kind() {
	case Truncate:
		return put(half)
	case Tear:
		// The store below sees a source that breaks; it keeps nothing.
		_, err := s.inner.Put(ctx, key, io.MultiReader(bytes.NewReader(half), broken{rule.err(op, key)}))
		return err
	case TearVisible:
		if err := put(half); err != nil {
			return err
		}
	case LostReply:
		if err := put(data); err != nil {
			return err
		}
	}
	return rule.err(op, key)
}

// broken is a source that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// Delete may fail or lose its reply; Truncate makes it claim what it has not done.
func (s *Store) Delete(ctx context.Context, key string) (err error) {
	rule, end, err := s.begin(ctx, objstore.OpDelete, key)
	defer func() { end(err) }()
	switch {
	case err != nil:
		return err
	case rule == nil:
		return s.inner.Delete(ctx, key)
	case rule.is(Truncate):
		return nil
	case rule.is(LostReply):
		if err := s.inner.Delete(ctx, key); err != nil {
			return err
		}
	}
	return rule.err(objstore.OpDelete, key)
}
