// A TLS server and a TLS client on Go's crypto/tls, for the tests.
//
//	peer serve -cert FILE -key FILE ...   echoes; prints "ready PORT" when it listens on 127.0.0.1
//	peer dial -address HOST:PORT ...      sends stdin, closes its half, copies the answer to stdout
package main

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

const limit = 30 * time.Second

var (
	versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	names    = map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: peer serve|dial ...")
	}
	var err error
	switch mode, args := os.Args[1], os.Args[2:]; mode {
	case "serve":
		err = serve(args)
	case "dial":
		err = dial(args)
	default:
		err = fmt.Errorf("unknown mode %q", mode)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	cert := flags.String("cert", "", "file with the chain")
	key := flags.String("key", "", "file with its key")
	clientCA := flags.String("client-ca", "", "demand a client certificate of this authority")
	p256 := flags.Bool("p256", false, "exchange keys on P-256 alone")
	alpn := flags.String("alpn", "", "protocols, with commas")
	ech := flags.String("ech", "", "decrypt hellos that are encrypted behind this public name; prints two ECHConfigLists, of "+
		"which the second is for a key that is lost")
	publicCert := flags.String("public-cert", "", "file with the chain for the public name")
	publicKey := flags.String("public-key", "", "file with its key")
	noRetry := flags.Bool("no-retry", false, "send no configurations with a rejection")
	export := flags.String("export", "", "answer with 32 bytes of keying material under this label, in hex")
	flags.Parse(args)
	identity, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{identity}, NextProtos: split(*alpn)}
	if *ech != "" {
		public, err := tls.LoadX509KeyPair(*publicCert, *publicKey)
		if err != nil {
			return err
		}
		config.Certificates = append(config.Certificates, public)
		held, err := newECHKey(1, *ech, !*noRetry)
		if err != nil {
			return err
		}
		lost, err := newECHKey(2, *ech, false)
		if err != nil {
			return err
		}
		config.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{held}
		fmt.Println("ech", listOf(held), listOf(lost))
	}
	if *p256 {
		config.CurvePreferences = []tls.CurveID{tls.CurveP256}
	}
	if *clientCA != "" {
		pool, err := roots(*clientCA)
		if err != nil {
			return err
		}
		config.ClientCAs, config.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		if *export != "" {
			go tellKeyingMaterial(conn.(*tls.Conn), *export)
			continue
		}
		go echo(conn)
	}
}

// tellKeyingMaterial answers with what the exporter gives (RFC 8446 section 7.5), to be compared with the client's.
func tellKeyingMaterial(conn *tls.Conn, label string) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	if conn.Handshake() != nil {
		return
	}
	state := conn.ConnectionState()
	for _, context := range [][]byte{nil, {0xab, 0xcd}} {
		material, err := state.ExportKeyingMaterial(label, context, 32)
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "%x\n", material)
	}
}

// newECHKey makes a key with its ECHConfig (RFC 9849 section 4): X25519, HKDF-SHA256 and AES-128-GCM.
func newECHKey(id byte, publicName string, sendAsRetry bool) (tls.EncryptedClientHelloKey, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return tls.EncryptedClientHelloKey{}, err
	}
	public := key.PublicKey().Bytes()
	contents := []byte{id, 0x00, 0x20}
	contents = binary.BigEndian.AppendUint16(contents, uint16(len(public)))
	contents = append(contents, public...)
	contents = append(contents, 0x00, 0x04, 0x00, 0x01, 0x00, 0x01) // one suite: KDF 1, AEAD 1
	contents = append(contents, 0, byte(len(publicName)))           // no maximum length of the name
	contents = append(contents, publicName...)
	contents = append(contents, 0x00, 0x00) // no extensions
	config := binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(contents)))
	config = append(config, contents...)
	return tls.EncryptedClientHelloKey{Config: config, PrivateKey: key.Bytes(), SendAsRetry: sendAsRetry}, nil
}

func listOf(key tls.EncryptedClientHelloKey) string {
	list := binary.BigEndian.AppendUint16(nil, uint16(len(key.Config)))
	return base64.StdEncoding.EncodeToString(append(list, key.Config...))
}

// echo answers each client with its own bytes; what a client does wrong ends its connection and nothing else.
func echo(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	io.Copy(conn, conn)
}

func dial(args []string) error {
	flags := flag.NewFlagSet("dial", flag.ExitOnError)
	address := flags.String("address", "", "HOST:PORT")
	ca := flags.String("ca", "", "file with the only roots to trust")
	version := flags.String("version", "", "the only version to speak: 1.2 or 1.3")
	alpn := flags.String("alpn", "", "protocols, with commas")
	name := flags.String("name", "", "the name to send and to verify, if not that of the address")
	cert := flags.String("cert", "", "file with a chain to show")
	key := flags.String("key", "", "file with its key")
	times := flags.Int("times", 1, "connect so often, each time with the session of the one before")
	flags.Parse(args)
	pool, err := roots(*ca)
	if err != nil {
		return err
	}
	config := &tls.Config{
		RootCAs: pool, NextProtos: split(*alpn), MinVersion: versions[*version], MaxVersion: versions[*version],
		ServerName: *name, ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	if *cert != "" {
		identity, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{identity}
	}
	sent, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	for range *times {
		if err := exchange(*address, config, sent); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends all that it is given, closes its half, and copies the answer to stdout.
func exchange(address string, config *tls.Config, data []byte) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	state := conn.ConnectionState()
	json.NewEncoder(os.Stderr).Encode(map[string]any{
		"version": names[state.Version],
		"suite":   tls.CipherSuiteName(state.CipherSuite),
		"alpn":    state.NegotiatedProtocol,
	})
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(data)
		if closing := conn.CloseWrite(); err == nil {
			err = closing
		}
		sent <- err
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		return err
	}
	return <-sent
}

func roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return pool, nil
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
