//! Chains of every sort, thrown together: the verdict is good exactly where webpki finds a path.

use super::*;

const DATES: [(i32, i32); 3] = [(2020, 2040), (2020, 2026), (2027, 2040)];

/// Numbers that look random and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % count
    }

    /// One of few names, most often in force, and most often an authority.
    fn params(&mut self, names: &[&str]) -> CertificateParams {
        let mut params = ca_params(names[self.below(names.len())]);
        let (begin, end) = DATES[self.below(6).saturating_sub(3)];
        (params.not_before, params.not_after) = (date_time_ymd(begin, 1, 1), date_time_ymd(end, 1, 1));
        params.is_ca = match self.below(8) {
            0 => IsCa::ExplicitNoCa,
            1 => IsCa::Ca(BasicConstraints::Constrained(0)),
            _ => IsCa::Ca(BasicConstraints::Unconstrained),
        };
        if self.below(6) == 0 {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        params
    }
}

#[test]
fn a_verdict_is_good_exactly_where_there_is_a_path() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let names = ["a", "b", "c"];
    let trusted = root("a");
    let provider = provider(&[], &[]).unwrap();
    let trial = Trial::trusting(&[trusted.der()]);
    let judge = Judge::new(trial.spec(), &provider).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(trusted.der()).unwrap()];
    let mut good = 0;
    for round in 0..500 {
        let mut authorities = vec![root(names[dice.below(3)])];
        for _ in 0..=dice.below(4) {
            let issuer = dice.below(authorities.len() + 2);
            let made = intermediate(dice.params(&names), authorities.get(issuer).unwrap_or(&trusted));
            authorities.push(made);
        }
        let mut params = dice.params(&["leaf"]);
        params.subject_alt_names = leaf_params().subject_alt_names;
        params.is_ca = IsCa::NoCa;
        let issuer = dice.below(authorities.len() + 1);
        let leaf = issued(&params, authorities.get(issuer).unwrap_or(&trusted));
        let mut others: Vec<_> = authorities.iter().map(|authority| authority.der().clone()).collect();
        if dice.below(2) == 0 {
            others.reverse();
        }
        let entity = EndEntityCert::try_from(&leaf).unwrap();
        let usage = Purpose::Server;
        let time = unix_time(NOW);
        let all = judge.algorithms().all;
        let path = entity.verify_for_usage(all, &anchors, &others, time, usage, None, None);
        let shown = Presented { leaf: &leaf, others: &others, sent: 1 + others.len(), staple: None };
        let faults = judge.judge(shown).faults;
        assert_eq!(faults.is_empty(), path.is_ok(), "round {round}: {faults:?}, {:?}", path.err());
        assert_eq!(judge.fault(&leaf, &others, &[]).is_none(), faults.is_empty(), "round {round}");
        good += usize::from(faults.is_empty());
    }
    assert!((50..450).contains(&good), "{good}");
}

#[test]
fn no_flipped_bit_of_a_chain_makes_the_judge_fail_or_lets_it_pass() {
    let root = root("root");
    let mut params = ca_params("middle");
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("localhost".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let middle = intermediate(params, &root);
    let leaf = issued(&leaf_params(), &middle);
    let judge = Judge::new(Trial::trusting(&[root.der()]).spec(), &provider(&[], &[]).unwrap()).unwrap();
    for place in 0..2 {
        let whole = [&leaf, middle.der()][place];
        for i in 0..whole.len() * 8 {
            let mut chain = [leaf.clone(), middle.der().clone()];
            let mut flipped = whole.to_vec();
            flipped[i / 8] ^= 1 << (i % 8);
            chain[place] = CertificateDer::from(flipped);
            let shown = Presented { leaf: &chain[0], others: &chain[1..], sent: 2, staple: None };
            assert_ne!(judge.judge(shown).faults, [], "bit {i} of certificate {place}");
        }
    }
}
