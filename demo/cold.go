package main

import (
	"context"
	"fmt"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/daemon"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// coldTier is where the demo's Parquet goes: a folder in the data directory, or a MinIO of its own.
type coldTier struct {
	url   string
	s3    objstore.S3Options
	minio *s3server.Server // nil: a folder
}

// startCold prepares the place; the caller closes it.
func startCold(ctx context.Context, kind, dataDir string) (*coldTier, error) {
	switch kind {
	case "folder":
		return &coldTier{url: "file://" + dataDir + "/cold"}, nil
	case "minio":
		m, err := s3server.Run(ctx, s3server.Options{Kind: s3server.MinIO})
		if err != nil {
			return nil, err
		}
		return &coldTier{url: m.URL("demo"), s3: m.Options(), minio: m}, nil
	}
	return nil, fmt.Errorf("cold is %q, want folder or minio", kind)
}

func (c *coldTier) close() error {
	if c.minio == nil {
		return nil
	}
	return c.minio.Close()
}

// options are what taeld has to be told.
func (c *coldTier) options(o *daemon.Options) {
	o.Args = append(o.Args, "--cold-url", c.url)
	if c.minio == nil {
		return
	}
	o.Args = append(o.Args, "--s3-endpoint", c.minio.Endpoint, "--s3-region", "us-east-1", "--s3-path-style")
	o.Env = append(o.Env, "AWS_ACCESS_KEY_ID="+c.minio.AccessKey, "AWS_SECRET_ACCESS_KEY="+c.minio.SecretKey)
}
