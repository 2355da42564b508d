package s3server

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/taeldb/tael/engine/cold/objstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, s *Server, endpoint string) objstore.Store {
	t.Helper()
	o := s.Options()
	o.Endpoint = endpoint
	store, err := objstore.Open(t.Context(), s.URL("p"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func TestStopAndRestart(t *testing.T) {
	for _, kind := range []Kind{Versitygw, MinIO} {
		t.Run(string(kind), func(t *testing.T) {
			s := Start(t, kind)
			store := open(t, s, s.Endpoint)
			if _, err := store.Put(t.Context(), "a", strings.NewReader("kept")); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := s.Stop(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := store.Get(t.Context(), "a"); !errors.Is(err, objstore.ErrUnavailable) {
				t.Fatalf("get from a stopped server: %v, want ErrUnavailable", err)
			}
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := store.Get(t.Context(), "a")
			if err != nil || string(got) != "kept" {
				t.Fatalf("after restart got %q, %v", got, err)
			}
		})
	}
}

func TestRunMakesAndRemovesItsDirectory(t *testing.T) {
	s, err := Run(t.Context(), Options{Bucket: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "other")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Fatalf("directory still there: %v", err)
	}
}

func TestRunOnTakenPortSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = Run(ctx, Options{Port: l.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("got %v, want an error that the address is in use", err)
	}
}

func TestMissingBinaryNamesTheRemedy(t *testing.T) {
	t.Setenv(ToolsEnv, t.TempDir())
	_, err := Run(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "make tools") {
		t.Fatalf("got %v, want a hint at make tools", err)
	}
	if _, err := Run(t.Context(), Options{Kind: "garage"}); err == nil {
		t.Fatal("an unknown kind was accepted")
	}
}

func TestCountingProxy(t *testing.T) {
	s := Start(t, Versitygw)
	p, err := NewCountingProxy(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	store := open(t, s, p.Endpoint)
	if _, err := store.Put(t.Context(), "a b", bytes.NewReader(make([]byte, 1000))); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if _, err := store.GetRange(t.Context(), "a b", 10, 100); err != nil {
		t.Fatal(err)
	}
	got := p.Requests()
	if len(got) != 1 {
		t.Fatalf("%d requests, want 1: %+v", len(got), got)
	}
	r := got[0]
	if r.Method != "GET" || r.Path != "/tael/p/a b" || r.Range != "bytes=10-109" || r.Status != 206 || r.Bytes != 100 || !r.IsData() {
		t.Fatalf("request was recorded as %+v", r)
	}
	p.Reset()
	for _, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Requests(); len(got) != 1 || got[0].IsData() {
		t.Fatalf("listing was recorded as %+v", got)
	}
}
