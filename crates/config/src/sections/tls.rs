use crate::feature::Feature;
use crate::kind::{Switch, Text};
use crate::setting::State::Waits;
use crate::setting::section;

section! {
    /// TLS to clients and to nodes.
    pub struct Tls {
        /// Clients may use TLS, and so do backends whose node offers it.
        ssl: bool = false, Switch, Start, Waits(Feature::Tls);

        /// File with the private key, relative to the directory of the configuration file.
        ssl_key: String = String::new(), Text::of("file name"), Reload, Waits(Feature::Tls);

        /// File with the certificate, relative to the directory of the configuration file.
        ssl_cert: String = String::new(), Text::of("file name"), Reload, Waits(Feature::Tls);

        /// File with the authorities that sign the clients' and the nodes' certificates.
        ssl_ca_cert: String = String::new(), Text::of("file name"), Reload, Waits(Feature::Tls);

        /// Directory with the authorities that sign the clients' and the nodes' certificates.
        ssl_ca_cert_dir: String = String::new(), Text::of("directory"), Reload, Waits(Feature::Tls);

        /// File with the list of certificates that are no longer valid.
        ssl_crl_file: String = String::new(), Text::of("file name"), Reload, Waits(Feature::Tls);

        /// Ciphers for TLS 1.2 and before, in OpenSSL's notation.
        ssl_ciphers: String =
            "HIGH:MEDIUM:+3DES:!aNULL".to_owned(), Text::of("list of ciphers"), Reload, Waits(Feature::Tls);

        /// Our order of the ciphers counts, not the client's.
        ssl_prefer_server_ciphers: bool = false, Switch, Reload, Waits(Feature::Tls);

        /// Curve of the key exchange.
        ssl_ecdh_curve: String = "prime256v1".to_owned(), Text::of("curve"), Reload, Waits(Feature::Tls);

        /// File with parameters of the key exchange without curves.
        ssl_dh_params_file: String = String::new(), Text::of("file name"), Reload, Waits(Feature::Tls);

        /// Command that prints the passphrase of the private key. `%p` is a prompt for it.
        ssl_passphrase_command: String =
            String::new(), Text::of("command with %p"), Reload, Waits(Feature::Tls);
    }
}
