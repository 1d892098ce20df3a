import Configuration
import Delivery
import Directory
import MailPolicy

/// What a configuration says of who is here and who may send where.
extension ServerPlan {
    mutating func setDirectory(_ configuration: MartletConfiguration) {
        let (relay, options) = (configuration.relay, configuration.directory)
        admission.relay = RelayControl(
            networks: relay.networks,
            accounts: relay.accounts.contains("*") ? .all : .listed(Set(relay.accounts.map { $0.lowercased() })),
            certificates: Set(relay.certificates),
            destinations: Set(relay.destinations)
        )
        switch relay.verify {
        case .off: admission.verifying = .off
        case .try: admission.verifying = .whereReachable
        case .require: admission.verifying = .required
        }
        probing.positive = relay.verifyPositive
        probing.negative = relay.verifyNegative
        delivery.outlets.folders = configuration.delivery.aliasFiles
        delivery.outlets.allowsCommands = configuration.delivery.aliasCommands
        delivery.outlets.commandTimeout = configuration.delivery.commandTimeout
        admission.lookupNetworks = configuration.smtp.lookupNetworks
        names = NameRules(
            separator: options.separator,
            roles: Set(options.roles.map { $0.lowercased() }),
            postmaster: configuration.server.postmaster,
            hostName: hostName
        )
    }

    mutating func setLDAP(_ server: LDAPServerOptions, _ secrets: SecretFiles) throws {
        guard let url = server.url, let base = server.base else { return }
        var options = LDAPOptions(url: url, base: base)
        options.startsTLS = server.startTLS
        options.certificates = server.certificates
        options.bindName = server.bindName
        if let file = server.passwordFile {
            options.bindPassword = try password(in: file, "ldap.password-file", secrets)
        }
        options.recipientFilter = server.recipientFilter
        options.loginFilter = server.loginFilter
        options.aliasFilter = server.aliasFilter ?? ""
        options.addressAttribute = server.addressAttribute
        options.aliasAttribute = server.aliasAttribute
        options.timeout = server.timeout
        options.connections = server.connections
        options.cacheTime = server.cacheTime
        ldap = options
        names.trustsPostmaster = true
    }
}
