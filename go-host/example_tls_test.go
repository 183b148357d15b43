package coracle_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"

	coracle "github.com/coracle-client/coracle/go-host"
)

// TLS is a dialer's: the URL stays redis://, and the connection is what the dialer makes. This one also shows a
// certificate of the client's, for a server that wants one.
func ExampleWithDialer_tls() {
	ctx := context.Background()
	authorities, err := os.ReadFile("ca.pem")
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authorities) {
		log.Fatal("ca.pem has no certificate")
	}
	own, err := tls.LoadX509KeyPair("client.pem", "client.key")
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}
	client, err := coracle.Open(ctx, "redis://redis.example:6380",
		coracle.WithDialer((&tls.Dialer{Config: config}).DialContext))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Do(ctx, "PING").Text())
}
