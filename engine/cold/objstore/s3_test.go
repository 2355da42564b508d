package objstore_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// isolate keeps the AWS configuration of whoever runs the test out of it.
func isolate(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
}

// openFails opens a store that must not open, and checks the class and that the message holds each of the words.
func openFails(t *testing.T, rawURL string, o objstore.S3Options, class error, words ...string) {
	t.Helper()
	store, err := objstore.Open(t.Context(), rawURL, o)
	if err == nil {
		store.Close()
		t.Fatalf("open %s succeeded", rawURL)
	}
	if !errors.Is(err, class) {
		t.Errorf("open %s: %v; want class %v", rawURL, err, class)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("open %s: %v; want it to say %q", rawURL, err, word)
		}
	}
	var foreign smithy.APIError
	if errors.As(err, &foreign) {
		t.Errorf("an AWS type leaves the package: %T", foreign)
	}
}

func TestOpenBucketSaysWhatIsWrong(t *testing.T) {
	isolate(t)
	for _, kind := range []s3server.Kind{s3server.Versitygw, s3server.MinIO} {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Start(t, kind)
			good := server.Options()

			o := good
			o.SecretKey = "wrong"
			openFails(t, server.URL("p"), o, objstore.ErrDenied, "check access key, secret key")
			o = good
			o.AccessKey = "nobody"
			openFails(t, server.URL("p"), o, objstore.ErrDenied, "check access key")
			openFails(t, "s3://not-there/p", good, objstore.ErrNoStore, "create the bucket not-there")
			o = good
			o.AccessKey, o.SecretKey = "", ""
			openFails(t, server.URL("p"), o, objstore.ErrDenied, "AWS_ACCESS_KEY_ID")

			if err := server.Stop(); err != nil {
				t.Fatal(err)
			}
			openFails(t, server.URL("p"), good, objstore.ErrUnavailable, "cannot be reached", server.Endpoint)
		})
	}
}

func TestNotAnS3Server(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	o := objstore.S3Options{Endpoint: web.URL, AccessKey: "a", SecretKey: "b"}
	openFails(t, "s3://bucket", o, objstore.ErrNoStore, "check that it is an S3 server")
}

func TestRegionMustBeKnown(t *testing.T) {
	isolate(t)
	openFails(t, "s3://bucket", objstore.S3Options{AccessKey: "a", SecretKey: "b"}, objstore.ErrInvalid, "AWS_REGION")
}

func TestServerDownWhileOpen(t *testing.T) {
	server := s3server.Start(t, s3server.Versitygw)
	store := open(t, server.URL(""), server.Options())
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	// The bound is in the options; the context only keeps a broken bound from hanging the test.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := store.Get(ctx, "a")
	_, perr := store.Put(ctx, "a", strings.NewReader("x"))
	_, lerr := store.Put(ctx, "a", bytes.NewReader(make([]byte, 9<<20)))
	_, serr := store.Stat(ctx, "a")
	for _, err := range []error{err, perr, lerr, serr, store.PutIfAbsent(ctx, "a", nil), store.Delete(ctx, "a")} {
		if !errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("with the server down: %v, want ErrUnavailable", err)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "a", strings.NewReader("x")); err != nil {
		t.Errorf("after the server came back: %v", err)
	}
}

func TestBucketRemovedWhileOpen(t *testing.T) {
	server := s3server.Start(t, s3server.Versitygw)
	store := open(t, server.URL("p"), server.Options())
	if err := os.RemoveAll(filepath.Join(server.Dir, server.Bucket)); err != nil {
		t.Fatal(err)
	}
	_, gerr := store.Get(t.Context(), "a")
	_, serr := store.Stat(t.Context(), "a")
	for name, err := range map[string]error{"get": gerr, "stat": serr, "delete": store.Delete(t.Context(), "a"),
		"put if absent": store.PutIfAbsent(t.Context(), "a", nil)} {
		if !errors.Is(err, objstore.ErrNoStore) || errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("%s in a removed bucket: %v, want ErrNoStore and never ErrNotFound", name, err)
		}
	}
}

func TestStandardCredentialChain(t *testing.T) {
	server := s3server.Start(t, s3server.Versitygw)
	put := func(t *testing.T) {
		t.Helper()
		store := open(t, server.URL("chain"), objstore.S3Options{})
		if _, err := store.Put(t.Context(), "a", strings.NewReader("x")); err != nil {
			t.Error(err)
		}
	}
	t.Run("environment", func(t *testing.T) {
		isolate(t)
		t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
		t.Setenv("AWS_ENDPOINT_URL_S3", server.Endpoint)
		put(t)
	})
	t.Run("files and profile", func(t *testing.T) {
		isolate(t)
		file := filepath.Join(t.TempDir(), "credentials")
		text := "[profile-of-test]\naws_access_key_id=" + server.AccessKey + "\naws_secret_access_key=" + server.SecretKey + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
		t.Setenv("AWS_PROFILE", "profile-of-test")
		t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
		t.Setenv("AWS_REGION", "us-east-1")
		put(t)
	})
}

// front is an HTTP server before an S3 server; intercept may answer a request itself (true) or let it pass.
func front(t *testing.T, server *s3server.Server, tls bool, intercept func(http.ResponseWriter, *http.Request, http.Handler) bool) *httptest.Server {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if intercept == nil || !intercept(w, r, proxy) {
			proxy.ServeHTTP(w, r)
		}
	})
	f := httptest.NewUnstartedServer(handler)
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	if tls {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
		transport.CloseIdleConnections()
	})
	return f
}

func TestTLSWithOwnCertificate(t *testing.T) {
	isolate(t)
	server := s3server.Start(t, s3server.Versitygw)
	f := front(t, server, true, nil)
	o := server.Options()
	o.Endpoint, o.MaxAttempts = f.URL, 1
	openFails(t, server.URL(""), o, objstore.ErrUnavailable, "certificate is not trusted", "S3 CA file")

	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func(*testing.T, *objstore.S3Options){
		"option":        func(_ *testing.T, o *objstore.S3Options) { o.CAFile = ca },
		"AWS_CA_BUNDLE": func(t *testing.T, _ *objstore.S3Options) { t.Setenv("AWS_CA_BUNDLE", ca) },
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			use(t, &o)
			store := open(t, server.URL(""), o)
			data := bytes.Repeat([]byte("tls"), 4<<20) // also in parts
			if _, err := store.Put(t.Context(), "a", bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			if got, err := store.Get(t.Context(), "a"); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if err := store.PutIfAbsent(t.Context(), "b"+name, []byte("x")); err != nil {
				t.Fatal(err)
			}
		})
	}
	o.CAFile = filepath.Join(t.TempDir(), "none.pem")
	openFails(t, server.URL(""), o, objstore.ErrInvalid, "none.pem")
	o.CAFile = os.Args[0] // a file without certificates
	openFails(t, server.URL(""), o, objstore.ErrInvalid, "no PEM certificate")
}

func TestS3OptionsValidate(t *testing.T) {
	if err := objstore.DefaultS3Options().Validate(); err != nil {
		t.Error(err)
	}
	if err := (objstore.S3Options{}).Validate(); err != nil {
		t.Error(err)
	}
	bad := objstore.S3Options{Endpoint: "127.0.0.1:9000", Addressing: "dns", AccessKey: "a", SessionToken: "t", MaxAttempts: -1,
		MaxBackoff: -1, ConnectTimeout: -1, StallTimeout: -1, PartSize: 1, Parallel: -1}
	err := bad.Validate()
	if !errors.Is(err, objstore.ErrInvalid) {
		t.Fatalf("%v is not ErrInvalid", err)
	}
	for _, word := range []string{"endpoint", "addressing", "both or neither", "attempts", "backoff", "connect", "stall", "part size", "parallel"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not speak of %q:\n%v", word, err)
		}
	}
	openFails(t, "s3://bucket", bad, objstore.ErrInvalid, "endpoint")
	for _, endpoint := range []string{"ftp://host", "http://", "http://u:secret@host", "http://host/path", "::"} {
		err := objstore.S3Options{Endpoint: endpoint}.Validate()
		if !errors.Is(err, objstore.ErrInvalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("endpoint %s: %v", endpoint, err)
		}
	}
}
