package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"

	"github.com/taeldb/tael/internal/testkit/daemon"
)

const (
	adminToken = "admin-0123456789abcdef"
	writeToken = "write-0123456789abcdef"
	readToken  = "read-0123456789abcdef"
)

// certificate makes one for the loopback, signed by itself.
func certificate(t *testing.T, dir string) (cert, key string, trust *tls.Config) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "taeld test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(cert, certPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return cert, key, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// asker asks the REST API.
type asker struct {
	client *http.Client
	base   string
}

func ask(t *testing.T, base string, trust *tls.Config) asker {
	transport := &http.Transport{TLSClientConfig: trust}
	t.Cleanup(transport.CloseIdleConnections)
	return asker{&http.Client{Transport: transport}, base}
}

func (a asker) get(t *testing.T, path, token string) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// names gives the operations of the spans of a trace.
func (a asker) names(t *testing.T, trace, token string) string {
	t.Helper()
	status, body := a.get(t, "/api/v1/traces/"+trace, token)
	var answer struct{ Spans []struct{ Operation string } }
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	var names []string
	for _, s := range answer.Spans {
		names = append(names, s.Operation)
	}
	return strings.Join(names, " ")
}

// sdkTrace makes a trace with the official SDK and sends it. The error is what the exporter said.
func sdkTrace(t *testing.T, exporter sdktrace.SpanExporter) (trace string, err error) {
	t.Helper()
	caught := &catching{SpanExporter: exporter}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(caught))
	tracer := provider.Tracer("taeld/test")
	ctx, parent := tracer.Start(t.Context(), "parent")
	_, child := tracer.Start(ctx, "child")
	child.End()
	parent.End()
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return parent.SpanContext().TraceID().String(), caught.err
}

// catching keeps the error of an export, which the provider only logs.
type catching struct {
	sdktrace.SpanExporter
	err error
}

func (c *catching) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.err = c.SpanExporter.ExportSpans(ctx, spans)
	return nil
}

func exporters(t *testing.T, d *daemon.Daemon, trust *tls.Config, token string) map[string]sdktrace.SpanExporter {
	t.Helper()
	headers := map[string]string{"Authorization": "Bearer " + token}
	if token == "" {
		headers = nil
	}
	overHTTP, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(d.OTLP+"/v1/traces"), otlptracehttp.WithTLSClientConfig(trust),
		otlptracehttp.WithHeaders(headers), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	onREST, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(d.REST+"/v1/traces"), otlptracehttp.WithTLSClientConfig(trust), otlptracehttp.WithHeaders(headers))
	if err != nil {
		t.Fatal(err)
	}
	overGRPC, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(d.GRPC), otlptracegrpc.WithTLSCredentials(credentials.NewTLS(trust)),
		otlptracegrpc.WithHeaders(headers), otlptracegrpc.WithCompressor("gzip"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]sdktrace.SpanExporter{"http": overHTTP, "http on the REST address": onREST, "grpc": overGRPC}
}

func TestEveryDoorWithTLSAndTokens(t *testing.T) {
	dir := t.TempDir()
	cert, key, trust := certificate(t, dir)
	tokens := filepath.Join(dir, "tokens")
	if err := os.WriteFile(tokens, []byte(adminToken+"\n"+writeToken+" role=write\n"+readToken+" role=read\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := daemon.Start(t, daemon.Options{Binary: taeld, TLS: trust, Args: []string{"--tls-cert", cert, "--tls-key", key, "--auth-token-file", tokens}})
	a := ask(t, d.REST, trust)
	sent := map[string]string{}
	for door, exporter := range exporters(t, d, trust, writeToken) {
		trace, err := sdkTrace(t, exporter)
		if err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		sent[door] = trace
		if got := a.names(t, trace, readToken); got != "parent child" {
			t.Errorf("%s: the trace has %q", door, got)
		}
	}
	for _, token := range []string{"", readToken, "nobody-0123456789abcdef"} {
		for door, exporter := range exporters(t, d, trust, token) {
			trace, err := sdkTrace(t, exporter)
			if err == nil {
				t.Errorf("%s with token %q: no error", door, token)
			}
			if status, _ := a.get(t, "/api/v1/traces/"+trace, readToken); status != http.StatusNotFound {
				t.Errorf("%s with token %q: the trace is there", door, token)
			}
		}
	}
	for path, want := range map[string]int{"/api/v1/spans": 401, "/metrics": 401, "/healthz": 200, "/readyz": 200, "/openapi.yaml": 200} {
		if status, body := a.get(t, path, ""); status != want {
			t.Errorf("%s without a token: %d %s", path, status, body)
		}
	}
	if status, body := a.get(t, "/metrics", readToken); status != 200 || !strings.Contains(string(body), "tael_build_info") || !strings.Contains(string(body), "tael_ingest_spans_total 6") {
		t.Errorf("metrics: %d %s", status, body)
	}
	_, body := a.get(t, "/metrics", readToken)
	checkMetrics(t, string(body))
	if status, _ := a.get(t, "/debug/pprof/", adminToken); status != 404 {
		t.Errorf("pprof is there unasked: %d", status)
	}
	clear := strings.Replace(d.REST, "https://", "http://", 1)
	if status, _ := ask(t, clear, nil).get(t, "/healthz", ""); status == 200 {
		t.Error("the REST door speaks without TLS")
	}

	if _, err := command(t, "flush", "--url", d.REST, "--ca-file", cert, "--token", readToken); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("flush with a read token: %v", err)
	}
	if _, err := command(t, "flush", "--url", d.REST, "--token", adminToken); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("flush without trust: %v", err)
	}
	if out, err := command(t, "flush", "--url", d.REST, "--ca-file", cert, "--token", adminToken); err != nil || !strings.Contains(out, "6 spans became 6 rows in 1 files") {
		t.Errorf("flush: %q, %v", out, err)
	}
	for _, args := range [][]string{{"--endpoint", d.OTLP}, {"--protocol=grpc", "--endpoint", d.GRPC, "--gzip", "--direct", "--seed=2"}} {
		out, err := command(t, append([]string{"loadgen", "--url", d.REST, "--ca-file", cert, "--token", adminToken, "--spans=2000", "--verify"}, args...)...)
		if err != nil || !strings.Contains(out, "2000 spans, 0 missing, 0 doubled, 0 foreign") {
			t.Errorf("loadgen %v: %q, %v", args, out, err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	for door, trace := range sent {
		if got := a.names(t, trace, readToken); got != "parent child" {
			t.Errorf("%s, after a restart: the trace has %q", door, got)
		}
	}
	if out := d.Output(); strings.Contains(out, `"level":"ERROR"`) || strings.Contains(out, "0123456789abcdef") {
		t.Errorf("the log has an error or a token:\n%s", out)
	}
}

func TestSIGTERMDoesNotWaitForSlowClients(t *testing.T) {
	d := daemon.Start(t, daemon.Options{Binary: taeld})
	_, addr, _ := strings.Cut(d.OTLP, "://")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// fails runs taeld where it cannot start, and gives what it says.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, taeld, append([]string{"serve"}, args...)...).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Fatalf("taeld %v: %v: %s", args, err, out)
	}
	return string(out)
}

func TestWhatIsTakenIsSaid(t *testing.T) {
	d := daemon.Start(t, daemon.Options{Binary: taeld})
	_, rest, _ := strings.Cut(d.REST, "://")
	free := []string{"--otlp-grpc-addr=127.0.0.1:0", "--otlp-http-addr=127.0.0.1:0"}
	out := fails(t, append(free, "--data-dir", t.TempDir(), "--http-addr", rest)...)
	if !strings.Contains(out, "http-addr: ") || !strings.Contains(out, "address already in use") || !strings.Contains(out, rest) {
		t.Errorf("address in use: %s", out)
	}
	out = fails(t, append(free, "--data-dir", d.DataDir, "--http-addr=127.0.0.1:0")...)
	if !strings.Contains(out, "another taeld has it") || !strings.Contains(out, d.DataDir) || !strings.Contains(out, strconv.Itoa(d.PID())) {
		t.Errorf("data directory in use: %s", out)
	}
	out = fails(t, append(free, "--data-dir", t.TempDir(), "--http-addr=127.0.0.1:0", "--auth-token-file=/nonexistent")...)
	if !strings.Contains(out, "token file") || !strings.Contains(out, "/nonexistent") {
		t.Errorf("no token file: %s", out)
	}
	out = fails(t, append(free, "--data-dir", t.TempDir(), "--http-addr=127.0.0.1:0", "--tls-cert=/nonexistent", "--tls-key=/nonexistent")...)
	if !strings.Contains(out, "tls-cert") || !strings.Contains(out, "/nonexistent") {
		t.Errorf("no certificate: %s", out)
	}
	if status, _ := ask(t, d.REST, nil).get(t, "/readyz", ""); status != 200 {
		t.Errorf("the first taeld is disturbed: %d", status)
	}
}
