package faultstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"go.uber.org/goleak"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/objstoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func folder(t testing.TB, dir string) *Store {
	t.Helper()
	inner, err := objstore.Open(t.Context(), "file://"+dir, objstore.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inner.Close() })
	return New(inner)
}

func TestWithoutFaultsNothingChanges(t *testing.T) {
	dir := t.TempDir()
	objstoretest.Run(t, func(t testing.TB) objstore.Store { return folder(t, dir) }, objstoretest.Listed(20))
}

// call makes one call of op on key; for reads it returns what came.
func call(ctx context.Context, s objstore.Store, op, key string) (string, error) {
	switch op {
	case objstore.OpGet:
		b, err := s.Get(ctx, key)
		return string(b), err
	case objstore.OpGetRange:
		b, err := s.GetRange(ctx, key, 0, 8)
		return string(b), err
	case objstore.OpPut:
		_, err := s.Put(ctx, key, bytes.NewReader([]byte("newbytes")))
		return "", err
	case objstore.OpPutIfAbsent:
		return "", s.PutIfAbsent(ctx, key, []byte("newbytes"))
	case objstore.OpDelete:
		return "", s.Delete(ctx, key)
	case objstore.OpStat:
		info, err := s.Stat(ctx, key)
		return fmt.Sprint(info.Size), err
	case objstore.OpList:
		n := 0
		for _, err := range s.List(ctx, "") {
			if err != nil {
				return fmt.Sprint(n), err
			}
			n++
		}
		return fmt.Sprint(n), nil
	}
	return "", errors.New("no such operation")
}

// TestEveryFault tries each kind on each operation: what the caller sees, and what is in the store afterwards.
func TestEveryFault(t *testing.T) {
	type outcome struct {
		class  error  // nil: no error
		answer string // of a read
		after  string // the object "object" afterwards, "" if absent
	}
	un, full, lost, cancelled := objstore.ErrUnavailable, objstore.ErrFull, objstore.ErrUnavailable, context.Canceled
	g, gr, put, abs, del, list, stat := objstore.OpGet, objstore.OpGetRange, objstore.OpPut, objstore.OpPutIfAbsent,
		objstore.OpDelete, objstore.OpList, objstore.OpStat
	const old = "oldbytes"
	read := func(class error, answer string) outcome { return outcome{class, answer, old} }
	cases := map[Kind]map[string]outcome{
		Fail: {g: read(un, ""), gr: read(un, ""), put: read(un, ""), abs: {un, "", ""}, del: read(un, ""), list: read(un, "0"), stat: read(un, "0")},
		Full: {g: read(full, ""), gr: read(full, ""), put: read(full, ""), abs: {full, "", ""}, del: read(full, ""), list: read(full, "0"), stat: read(full, "0")},
		Stall: {g: read(cancelled, ""), gr: read(cancelled, ""), put: read(cancelled, ""), abs: {cancelled, "", ""}, del: read(cancelled, ""),
			list: read(cancelled, "0"), stat: read(cancelled, "0")},
		LostReply: {g: read(lost, ""), gr: read(lost, ""), put: {lost, "", "newbytes"}, abs: {lost, "", "newbytes"}, del: {lost, "", ""},
			list: read(lost, "0"), stat: read(lost, "0")},
		Tear: {g: read(un, ""), gr: read(un, ""), put: read(un, ""), abs: {un, "", ""}, del: read(un, ""), list: read(un, "1"), stat: read(un, "0")},
		TearVisible: {g: read(un, ""), gr: read(un, ""), put: {un, "", "newb"}, abs: {un, "", "newb"}, del: read(un, ""), list: read(un, "1"),
			stat: read(un, "0")},
		Truncate: {g: read(nil, "oldb"), gr: read(nil, "oldb"), put: {nil, "", "newb"}, abs: {nil, "", "newb"}, del: read(nil, ""),
			list: read(nil, "1"), stat: read(nil, "4")},
		Garbage: {g: read(nil, string(garbage("object", 8))), gr: read(nil, string(garbage("object", 8))), put: read(un, ""), abs: {un, "", ""},
			del: read(un, ""), list: read(un, "0"), stat: read(un, "0")},
		Missing: {g: read(objstore.ErrNotFound, ""), gr: read(objstore.ErrNotFound, ""), put: read(un, ""), abs: {un, "", ""}, del: read(un, ""),
			list: read(nil, "0"), stat: read(objstore.ErrNotFound, "0")},
	}
	for _, kind := range Kinds() {
		for _, op := range Ops() {
			t.Run(string(kind)+" "+op, func(t *testing.T) {
				want := cases[kind][op]
				s := folder(t, t.TempDir())
				for _, key := range []string{"object", "other", "third"} {
					if op == abs && key == "object" {
						continue
					}
					if _, err := s.Put(t.Context(), key, bytes.NewReader([]byte(old))); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if kind == Stall {
					cancel()
				}
				rule := s.Inject(Fault{Op: op, Count: 1, Kind: kind})
				answer, err := call(ctx, s, op, "object")
				if !errors.Is(err, want.class) || (err == nil) != (want.class == nil) || answer != want.answer {
					t.Errorf("answered %q, %v; want %q, %v", answer, err, want.answer, want.class)
				}
				if rule.Hits() != 1 {
					t.Errorf("%d hits, want 1", rule.Hits())
				}
				s.Clear()
				got, err := s.Get(t.Context(), "object")
				if want.after == "" && !errors.Is(err, objstore.ErrNotFound) || want.after != "" && string(got) != want.after {
					t.Errorf("afterwards the object is %q, %v; want %q", got, err, want.after)
				}
			})
		}
	}
}

func TestFaultsCountCalls(t *testing.T) {
	s := folder(t, t.TempDir())
	own := errors.New("of my own")
	rule := s.Inject(Fault{Op: objstore.OpPut, Key: "parquet", First: 2, Count: 2, Err: own})
	var got []bool
	for i := range 5 {
		_, err := s.Put(t.Context(), fmt.Sprintf("%d.json", i), bytes.NewReader(nil))
		if err != nil {
			t.Fatalf("another key failed: %v", err)
		}
		_, err = s.Put(t.Context(), fmt.Sprintf("%d.parquet", i), bytes.NewReader(nil))
		got = append(got, errors.Is(err, own))
	}
	if fmt.Sprint(got) != "[false true true false false]" {
		t.Errorf("failed: %v", got)
	}
	if rule.Calls() != 5 || rule.Hits() != 2 || s.Calls(objstore.OpPut) != 10 {
		t.Errorf("%d calls, %d hits, %d puts", rule.Calls(), rule.Hits(), s.Calls(objstore.OpPut))
	}
}

func TestLiftedStallGoesOn(t *testing.T) {
	s := folder(t, t.TempDir())
	rule := s.Inject(Fault{Op: objstore.OpPut, Kind: Stall})
	inside := make(chan struct{})
	s.Before(func(context.Context, Call) error { close(inside); return nil })
	done := make(chan error)
	go func() {
		_, err := s.Put(context.Background(), "a", bytes.NewReader([]byte("late")))
		done <- err
	}()
	<-inside
	s.Before(nil)
	s.Remove(rule)
	s.Remove(rule)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), "a"); err != nil || string(got) != "late" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestHooks(t *testing.T) {
	s := folder(t, t.TempDir())
	stop := errors.New("stopped by the hook")
	var log []string
	s.Before(func(_ context.Context, c Call) error {
		log = append(log, fmt.Sprintf("before %s %s %d", c.Op, c.Key, c.N))
		if c.N == 2 {
			return stop
		}
		return nil
	})
	s.After(func(c Call) { log = append(log, fmt.Sprintf("after %s %s %v", c.Op, c.Key, c.Err)) })
	for i := range 2 {
		_, err := s.Put(t.Context(), "k", io.LimitReader(bytes.NewReader([]byte("abc")), 3))
		if (i == 1) != errors.Is(err, stop) {
			t.Fatalf("put %d: %v", i, err)
		}
	}
	want := []string{"before put k 1", "after put k <nil>", "before put k 2", "after put k stopped by the hook"}
	if fmt.Sprint(log) != fmt.Sprint(want) {
		t.Errorf("hooks saw %q", log)
	}
}
