package coracle

import (
	"context"
	"net"
)

func shreddingDialer(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &shredded{Conn: conn}, err
}
