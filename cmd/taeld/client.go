package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/taeldb/tael/api"
)

// clientFlags say how to reach a running taeld.
type clientFlags struct {
	URL    string `name:"url" env:"TAEL_URL" default:"http://127.0.0.1:7701" help:"URL of the taeld."`
	Token  string `name:"token" env:"TAEL_TOKEN" help:"Bearer token."`
	Tenant string `name:"tenant" env:"TAEL_TENANT" help:"Tenant; default: the token's, or \"default\"."`
	CAFile string `name:"ca-file" env:"TAEL_CA_FILE" help:"PEM file of further certificate authorities to trust."`
}

// secure is how TLS servers are checked.
func (c *clientFlags) secure() (*tls.Config, error) {
	if c.CAFile == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca-file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca-file %s: no certificate in it", c.CAFile)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

func (c *clientFlags) client() (*http.Client, error) {
	secure, err := c.secure()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure}}, nil
}

// flushCommand asks a running taeld to flush.
type flushCommand struct {
	clientFlags `embed:""`
	Timeout     durationValue `name:"timeout" default:"10m" help:"How long to wait."`
	JSON        bool          `name:"json" help:"Print the answer as JSON."`
}

// Run implements kong's command.
func (c *flushCommand) Run(out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/api/v1/admin/flush", nil)
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Tenant != "" {
		req.Header.Set("X-Scope-OrgID", c.Tenant)
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("flush: %w: is taeld running there?", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("flush: read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var problem struct{ Error, Hint string }
		if json.Unmarshal(body, &problem) == nil && problem.Error != "" {
			return fmt.Errorf("flush: %s (%s): %s", resp.Status, problem.Error, problem.Hint)
		}
		return errors.New("flush: " + resp.Status)
	}
	if c.JSON {
		_, err = out.Write(body)
		return err
	}
	var r api.FlushReport
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("flush: read the answer: %w", err)
	}
	_, err = fmt.Fprintf(out, "flushed %d segments: %d spans became %d rows in %d files of %d bytes, %d rows superseded, in %.2f s\n",
		r.Segments, r.Spans, r.Rows, r.Files, r.Bytes, r.Superseded, r.Seconds)
	return err
}
