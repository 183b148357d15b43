package coracle

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
)

// certificate makes one for localhost that is its own authority.
func certificate(t *testing.T) (own tls.Certificate, authority *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	authority = x509.NewCertPool()
	authority.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority
}

// What the docs say of TLS works, with a server that looks at the client's certificate, and values of any size.
func TestTLSByADialer(t *testing.T) {
	servers, trustServers := certificate(t)
	clients, trustClients := certificate(t)
	server, err := miniredis.RunTLS(&tls.Config{
		Certificates: []tls.Certificate{servers}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trustClients,
	})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	url := "redis://localhost:" + server.Port()

	config := &tls.Config{RootCAs: trustServers, Certificates: []tls.Certificate{clients}}
	ctx, c := testContext(t), open(t, url, WithDialer((&tls.Dialer{Config: config}).DialContext))
	large := pattern(largeBytes)
	require.NoError(t, c.Do(ctx, "SET", "key", large).Err())
	got, err := c.Do(ctx, "GET", "key").Bytes()
	require.NoError(t, err)
	require.Equal(t, large, got)

	config = &tls.Config{RootCAs: trustServers}
	_, err = Open(ctx, url, testComponent(), WithDialer((&tls.Dialer{Config: config}).DialContext))
	require.ErrorIs(t, err, ErrNotSent, "without a certificate")
}
