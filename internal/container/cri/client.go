// Package cri asks a container runtime for the names of containers, over the
// Container Runtime Interface that the kubelet uses too.
package cri

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// The labels that the kubelet gives each container.
const (
	labelPod       = "io.kubernetes.pod.name"
	labelNamespace = "io.kubernetes.pod.namespace"
	labelUID       = "io.kubernetes.pod.uid"
	labelContainer = "io.kubernetes.container.name"
)

// Client asks one runtime. It is safe for concurrent use.
type Client struct {
	conn    *grpc.ClientConn
	api     runtime.RuntimeServiceClient
	runtime atomic.Pointer[string] // its name, once it has said it
}

// New prepares a client of the socket at path, "unix://" before it or not. It
// connects when it is first asked, and again after the runtime went away.
func New(path string) (*Client, error) {
	path = strings.TrimPrefix(path, "unix://")
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("CRI socket %q is no absolute path", path)
	}
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, fmt.Errorf("prepare a client of %s: %w", path, err)
	}
	return &Client{conn: conn, api: runtime.NewRuntimeServiceClient(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil {
		return fmt.Errorf("close the connection to the container runtime: %w", err)
	}
	return nil
}

// Container asks about one container. The error is [fs.ErrNotExist] when the
// runtime does not know it.
func (c *Client) Container(ctx context.Context, id string) (listener.Container, error) {
	reply, err := c.api.ContainerStatus(ctx, &runtime.ContainerStatusRequest{ContainerId: id})
	if status.Code(err) == codes.NotFound {
		return listener.Container{}, fmt.Errorf("container %s: %w", id, fs.ErrNotExist)
	}
	if err != nil {
		return listener.Container{}, fmt.Errorf("ask the container runtime: %w", err)
	}
	s := reply.GetStatus()
	labels := s.GetLabels()
	return listener.Container{
		Runtime: c.name(ctx), ID: id, PodUID: labels[labelUID], Pod: labels[labelPod],
		Namespace: labels[labelNamespace], Name: labels[labelContainer], Image: s.GetImage().GetImage(),
	}, nil
}

// name is what the runtime calls itself, "" while it has not said it.
func (c *Client) name(ctx context.Context) string {
	if name := c.runtime.Load(); name != nil {
		return *name
	}
	reply, err := c.api.Version(ctx, &runtime.VersionRequest{})
	if err != nil {
		return ""
	}
	name := reply.GetRuntimeName()
	c.runtime.Store(&name)
	return name
}
