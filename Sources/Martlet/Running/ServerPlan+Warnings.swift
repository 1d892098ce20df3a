import Certificates
import Configuration

extension ServerPlan {
    /// Says which files the user that serves cannot read, which then counts at the next reload: empty where root does not
    /// start the server.
    public mutating func warnOfReach(configuration file: String) {
        guard Privileges.isRoot, let user, !user.isEmpty else { return }
        var paths = [file]
        if case .files(let chain, let key) = certificate { paths += [chain, key] }
        for path in paths where (try? Privileges.canRead(path, as: user)) == false {
            warnings.append(
                "The user \(user) cannot read \(path): it is read by root at start, and SIGHUP will not take a change over."
            )
        }
    }

    /// Tries the certificate, and adds what is to be said of it.
    ///
    /// - Throws: `ConfigurationError` for one that cannot be used. One that only the caller cannot read is a warning: the
    ///   server may be started by another.
    public mutating func checkCertificate() throws {
        guard case .files(let chain, let key) = certificate else { return }
        do {
            let identity = try TLSIdentity.load(chain: chain, key: key)
            if identity.isKeyExposed { warnings.append(Self.exposed(key)) }
        } catch {
            guard case .unreadable = error.reason, !Privileges.isRoot else {
                throw ConfigurationError("tls.certificate", "\(error)")
            }
            warnings.append("\(error)")
        }
    }

    static func exposed(_ key: String) -> String {
        "The private key \(key) can be read by every user of this machine: chmod 0600 it."
    }
}
