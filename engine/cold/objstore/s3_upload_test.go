package objstore_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/taeldb/tael/engine/cold/objstore"
)

func TestFailedUploadLeavesNoParts(t *testing.T) {
	seen := newCounts()
	store, script := faulty(t, objstore.S3Options{}, objstore.WithObserver(seen.observe))
	script(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Query().Get("partNumber") != "2" {
			return false
		}
		answerError(w, r, http.StatusForbidden, "AccessDenied")
		return true
	})
	_, err := store.Put(t.Context(), "big", bytes.NewReader(make([]byte, 20<<20)))
	if !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("%v, want ErrDenied", err)
	}
	if seen.calls["upload_abort"] != 1 || seen.calls["upload_complete"] != 0 {
		t.Errorf("observed %v", seen)
	}
	script(nil)
	if _, err := store.Get(t.Context(), "big"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("after a failed upload: %v, want ErrNotFound", err)
	}
}

// TestLostReplyOfUpload: the object is there, the client cannot know; the caller's next try settles it.
func TestLostReplyOfUpload(t *testing.T) {
	store, script := faulty(t, objstore.S3Options{})
	var n atomic.Int32
	script(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") || n.Add(1) > 1 {
			return false
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		hangUp()
		return true
	})
	data := bytes.Repeat([]byte{7}, 9<<20)
	if _, err := store.Put(t.Context(), "big", bytes.NewReader(data)); err != nil && !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("%v, want success or ErrUnavailable", err)
	}
	if _, err := store.Put(t.Context(), "big", bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
	if got, err := store.Get(t.Context(), "big"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestFullServer(t *testing.T) {
	store, script := faulty(t, objstore.S3Options{})
	script(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		answerError(w, r, http.StatusInsufficientStorage, "XMinioStorageFull")
		return true
	})
	_, err := store.Put(t.Context(), "a", strings.NewReader("x"))
	if !errors.Is(err, objstore.ErrFull) || !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("%v, want ErrFull, which is ErrUnavailable", err)
	}
}
