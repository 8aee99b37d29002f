import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * A TLS server on JSSE, for the tests. It echoes, and prints "ready PORT" when it listens on 127.0.0.1.
 *
 * <p>java Peer.java PKCS12 PASSWORD [CLIENT_CA]: with the third it demands a client certificate of that authority.
 */
final class Peer {
    private static final int LIMIT_MS = 30_000;

    private Peer() {}

    public static void main(String[] args) throws Exception {
        char[] password = args[1].toCharArray();
        KeyManagerFactory ours = KeyManagerFactory.getInstance("PKIX");
        KeyStore identity = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(args[0])) {
            identity.load(file, password);
        }
        ours.init(identity, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(ours.getKeyManagers(), args.length > 2 ? only(args[2]) : null, null);
        SSLServerSocket listener = (SSLServerSocket)
                context.getServerSocketFactory().createServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        listener.setNeedClientAuth(args.length > 2);
        System.out.println("ready " + listener.getLocalPort());
        while (true) {
            SSLSocket socket = (SSLSocket) listener.accept();
            Thread thread = new Thread(() -> echo(socket));
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Trust in that authority and no other. */
    private static TrustManager[] only(String authority) throws Exception {
        KeyStore roots = KeyStore.getInstance("PKCS12");
        roots.load(null, null);
        try (InputStream file = new FileInputStream(authority)) {
            roots.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(roots);
        return trust.getTrustManagers();
    }

    private static void echo(SSLSocket socket) {
        try (socket) {
            socket.setSoTimeout(LIMIT_MS);
            socket.getInputStream().transferTo(socket.getOutputStream());
        } catch (IOException error) {
            // what a client does wrong ends its connection and nothing else
        }
    }
}
