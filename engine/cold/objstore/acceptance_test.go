package objstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/objstoretest"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, rawURL string, o objstore.S3Options, opts ...objstore.Option) objstore.Store {
	t.Helper()
	store, err := objstore.Open(t.Context(), rawURL, o, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	objstoretest.Run(t, func(t testing.TB) objstore.Store { return open(t, "file://"+dir, objstore.S3Options{}) })
}

func TestVersitygw(t *testing.T) {
	server := s3server.Start(t, s3server.Versitygw)
	objstoretest.Run(t, func(t testing.TB) objstore.Store { return open(t, server.URL("some/prefix"), server.Options()) })
}

func TestMinIO(t *testing.T) {
	server := s3server.Start(t, s3server.MinIO)
	objstoretest.Run(t, func(t testing.TB) objstore.Store { return open(t, server.URL(""), server.Options()) },
		objstoretest.Listed(60))
}
