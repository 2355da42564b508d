package objstore

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// newClient makes the S3 client of a store and the transport whose connections Close gives back.
func newClient(ctx context.Context, o S3Options, with options) (*s3.Client, aws.Config, *http.Transport, error) {
	loaders := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer { return newRetryer(o) }),
	}
	if o.Region != "" {
		loaders = append(loaders, config.WithRegion(o.Region))
	}
	if o.Endpoint != "" {
		loaders = append(loaders, config.WithBaseEndpoint(o.Endpoint))
	}
	if o.AccessKey != "" {
		loaders = append(loaders, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, o.SessionToken)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, loaders...)
	if err != nil {
		return nil, aws.Config{}, nil, fmt.Errorf("read the AWS configuration: %v: %w", err, ErrInvalid)
	}
	transport, err := newTransport(cfg, o)
	if err != nil {
		return nil, aws.Config{}, nil, err
	}
	client := s3.NewFromConfig(cfg, func(so *s3.Options) {
		so.HTTPClient = &http.Client{
			Transport: &observedTransport{next: transport, observe: with.observe, now: with.now, hook: with.hook},
			// A redirect means the wrong region or endpoint, and the signature would not fit the new host anyway.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		so.UsePathStyle = o.Addressing == AddressPath || o.Addressing == AddressAuto && so.BaseEndpoint != nil
		if so.Region == "" && so.BaseEndpoint != nil {
			so.Region = "us-east-1" // what servers other than AWS call themselves unless told otherwise
		}
		// Parts of an object carry no checksum of their own; without this each ranged read would log a warning.
		so.DisableLogOutputChecksumValidationSkipped = true
		cfg.Region = so.Region
	})
	return client, cfg, transport, nil
}

// newRetryer bounds the attempts of each request. Its token bucket is shared by all requests of the store, so that an
// outage does not multiply the load.
func newRetryer(o S3Options) aws.Retryer {
	standard := func(so *retry.StandardOptions) {
		so.MaxAttempts = o.MaxAttempts
		so.MaxBackoff = o.MaxBackoff
		// AWS answers this when two conditional puts meet in flight; the next try sees who won.
		so.Retryables = append(so.Retryables, retry.RetryableErrorCode{
			Codes: map[string]struct{}{"ConditionalRequestConflict": {}},
		})
	}
	if o.Adaptive {
		return retry.NewAdaptiveMode(func(ao *retry.AdaptiveModeOptions) {
			ao.StandardOptions = append(ao.StandardOptions, standard)
		})
	}
	return retry.NewStandard(standard)
}

// newTransport starts from the transport of the configuration, because that one trusts AWS_CA_BUNDLE.
func newTransport(cfg aws.Config, o S3Options) (*http.Transport, error) {
	built, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		built = awshttp.NewBuildableClient()
	}
	transport := built.GetTransport()
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &stallConn{Conn: conn, limit: o.StallTimeout}, nil
	}
	transport.TLSHandshakeTimeout = o.ConnectTimeout
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 64
	// An idle connection must go before its stall limit does.
	transport.IdleConnTimeout = min(transport.IdleConnTimeout, o.StallTimeout*3/4)
	// Bodies are Parquet and are compressed already; a transparent gunzip would break sizes and checksums.
	transport.DisableCompression = true
	if o.CAFile == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the S3 CA file: %w: %w", err, ErrInvalid)
	}
	roots := transport.TLSClientConfig.RootCAs
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's certificate authorities: %w: %w", err, ErrInvalid)
		}
	}
	roots = roots.Clone()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the S3 CA file %s holds no PEM certificate: %w", o.CAFile, ErrInvalid)
	}
	transport.TLSClientConfig.RootCAs = roots
	return transport, nil
}

// stallConn fails when no byte has moved in either direction for limit. Each write also moves the read deadline, because
// a pooled connection waits in a read that began long before the request it will answer.
type stallConn struct {
	net.Conn
	limit time.Duration
}

func (c *stallConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *stallConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		err = c.SetReadDeadline(time.Now().Add(c.limit))
	}
	return n, err
}
